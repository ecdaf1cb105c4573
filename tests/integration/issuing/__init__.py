"""Issued tokens, in a real Kafka."""
