"""A real Kafka broker without Docker: its jars, its Java, its configuration, its start."""
