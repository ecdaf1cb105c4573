"""Dead-letter queue (DLQ): count, list, show, redrive and drop dead letters."""
