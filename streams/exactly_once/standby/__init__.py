"""Standby replicas: local copies of partitions that other workers own."""
