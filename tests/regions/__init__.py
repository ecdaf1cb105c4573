"""Two regions, each with a Kafka and a stream worker, and a replicator between them that has latency and can be cut."""
