"""The bucket relay: commands between the stock buckets of a restaurant, copied to the topic that streams read."""
