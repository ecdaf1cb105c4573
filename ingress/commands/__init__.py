"""Request-reply over Kafka: send a command, and wait for its reply."""
