"""Two regions: a Kafka and a stream worker each, a replicator between them with latency, and a cut."""
