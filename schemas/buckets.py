"""Buckets: a restaurant's stock in several parts, each with its own single writer (README, Stock escrow).

A bucket is addressed as a restaurant is: bucket 0, the home, by the restaurant's own id, the others by
`restaurant#number`, which no identifier can be. They are known inside only: what leaves the streams for
others names the restaurant.
"""

from zlib import crc32

_MARK = "#"


def bucket(restaurant_id: str, number: int) -> str:
    """Return the id of one bucket of a restaurant."""
    return f"{restaurant_id}{_MARK}{number}" if number else restaurant_id


def number(bucket_id: str) -> int:
    """Return which bucket of its restaurant this is; 0 is the home."""
    return int(bucket_id.rpartition(_MARK)[2]) if _MARK in bucket_id else 0


def restaurant(bucket_id: str) -> str:
    """Return the restaurant of a bucket."""
    return bucket_id.partition(_MARK)[0]


def others(bucket_id: str, buckets: int) -> list[str]:
    """Return the other buckets of this one's restaurant, the next first."""
    mine, restaurant_id = number(bucket_id), restaurant(bucket_id)
    return [bucket(restaurant_id, (mine + i) % buckets) for i in range(1, buckets)]


def choose(seed: str, buckets: int) -> int:
    """Return the number of the bucket that a hash of a key, or a customer, always falls to."""
    return crc32(seed.encode()) % buckets


def split(key: bytes) -> tuple[bytes, int]:
    """Return the restaurant's part of a record's key, and the bucket's number; whatever else it is stays whole."""
    home, mark, last = key.rpartition(_MARK.encode())
    return (home, int(last)) if mark and home and last.isdigit() and len(last) < 4 else (key, 0)
