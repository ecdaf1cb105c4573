"""The relay between buckets."""
