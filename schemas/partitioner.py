"""Where a key goes: what the default partitioner says, and the buckets of a restaurant side by side from its home's."""

from functools import lru_cache

from aiokafka.partitioner import murmur2

from schemas import buckets


def partition(key: bytes, partitions: list[int], available: list[int]) -> int:
    """Return the partition of a key, for a producer; a hot key is not hashed each time."""
    return partitions[_place(key) % len(partitions)]


@lru_cache(maxsize=4096)
def _place(key: bytes) -> int:
    home, number = buckets.split(key)
    return (int(murmur2(home)) & 0x7FFFFFFF) + number
