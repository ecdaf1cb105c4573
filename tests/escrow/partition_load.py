"""The load of partitions by restaurants of very different popularity, with and without buckets."""

from zlib import crc32

from msgspec import Struct

from tests.escrow.timed_harness import EXCHANGE_MS, ORDER_MS


class PartitionLoad(Struct):
    """The load of the partitions, as a share of the capacity of a writer."""

    busiest: float
    mean: float
    commands: float  # a second
    changelog: float  # additional rows per order


def calculate_load(
    restaurants: int, partitions: int, rate: float, buckets: int, open_rate: float, per_order: float
) -> PartitionLoad:
    """Return the load of restaurants that are placed by hash, with a popularity by Zipf's law.

    If each bucket of a restaurant would have `open_rate` orders a second, its buckets are open: its orders go to all of
    them, and cost `per_order` commands between buckets. Otherwise the bucket of the key forwards an order to the home.
    """
    weights = [1 / (n + 1) for n in range(restaurants)]
    total = sum(weights)
    work = [0.0] * partitions
    commands = forwarded = 0.0
    for n, weight in enumerate(weights):
        orders = rate * weight / total
        home = crc32(b"r%d" % n) % partitions
        if buckets > 1 and orders / buckets >= open_rate:
            for b in range(buckets):
                work[(home + b) % partitions] += orders / buckets * (ORDER_MS + per_order * EXCHANGE_MS)
            commands += orders * (1 + per_order)
        else:
            work[home] += orders * ORDER_MS
            commands += orders
            for b in range(1, buckets):
                work[(home + b) % partitions] += orders / buckets * EXCHANGE_MS
                commands += orders / buckets
                forwarded += orders / buckets
    return PartitionLoad(max(work) / 1000, sum(work) / 1000 / partitions, commands, forwarded / rate)
