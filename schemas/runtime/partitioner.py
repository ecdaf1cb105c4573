"""The partitioner of every producer: Kafka's default, with the buckets of a restaurant on consecutive partitions.

What follows a slash in a key is not hashed: records about one restaurant keep their order, whatever else their keys name.
"""

from functools import lru_cache

from aiokafka.partitioner import murmur2

from schemas import buckets


def partition(key: bytes, partitions: list[int], available: list[int]) -> int:
    """Return the partition of a key, the signature that aiokafka expects; `available` does not matter."""
    return partitions[_hash(key) % len(partitions)]


@lru_cache(maxsize=4096)  # the key of a busy restaurant is hashed once
def _hash(key: bytes) -> int:
    home, number = buckets.split(key.partition(b"/")[0])
    return (int(murmur2(home)) & 0x7FFFFFFF) + number
