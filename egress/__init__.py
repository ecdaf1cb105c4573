"""Facts in, views out."""
