"""Buckets: the parts of a restaurant's stock, each with its own single writer (DECISIONS.md, stock-escrow).

The id of bucket 0, the home, is the restaurant's id. That of another bucket is `restaurant#number`, which cannot be
an identifier of a client. Buckets are internal: facts that leave the streams name the restaurant.
"""

from zlib import crc32

_MARK = "#"


def bucket(restaurant_id: str, number: int) -> str:
    """Return the id of a restaurant's bucket."""
    return f"{restaurant_id}{_MARK}{number}" if number else restaurant_id


def number(bucket_id: str) -> int:
    """Return the number of a bucket; 0 is the home."""
    return int(bucket_id.rpartition(_MARK)[2]) if _MARK in bucket_id else 0


def restaurant(bucket_id: str) -> str:
    """Return the restaurant of a bucket."""
    return bucket_id.partition(_MARK)[0]


def others(bucket_id: str, buckets: int) -> list[str]:
    """Return the other buckets of the same restaurant, of `buckets` in all, from the next number on."""
    mine, restaurant_id = number(bucket_id), restaurant(bucket_id)
    return [bucket(restaurant_id, (mine + i) % buckets) for i in range(1, buckets)]


def choose(seed: str, buckets: int) -> int:
    """Return the number of the bucket for a key or customer id, a hash of it."""
    return crc32(seed.encode()) % buckets


def split(key: bytes) -> tuple[bytes, int]:
    """Return restaurant id and bucket number of a record's key; any other key is returned whole, with number 0."""
    home, mark, last = key.rpartition(_MARK.encode())
    return (home, int(last)) if mark and home and last.isdigit() and len(last) < 4 else (key, 0)
