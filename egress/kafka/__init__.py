"""Kafka as egress uses it: records, consumers, producers, decoding and dead letters."""
