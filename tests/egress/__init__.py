"""What egress promises: views are right whatever happens to facts, Redis and Kafka on the way."""
