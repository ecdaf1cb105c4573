"""The partition of a key."""

from aiokafka.partitioner import DefaultPartitioner
from hypothesis import given
from hypothesis import strategies as st

from schemas import buckets
from schemas.runtime.partitioner import partition


@given(st.text(min_size=1).filter(lambda key: not {"#", "/"} & {*key}), st.integers(1, 64))
def test_partition_equals_that_of_other_producers(key: str, count: int) -> None:
    """A restaurant has one writer (DECISIONS.md, key-is-the-restaurant); two partitions would have two."""
    partitions = list(range(count))
    assert partition(key.encode(), partitions, []) == DefaultPartitioner()(key.encode(), partitions, [])


@given(st.text("abcdefgh-_.~0123456789", min_size=1), st.integers(2, 8), st.integers(8, 64))
def test_buckets_of_a_restaurant_are_on_different_partitions(
    restaurant: str, count: int, partitions: int
) -> None:
    """Two buckets on one partition would share its throughput."""
    keys = [buckets.bucket(restaurant, n).encode() for n in range(count)]
    assert len({partition(key, list(range(partitions)), []) for key in keys}) == count


@given(st.binary(min_size=1))
def test_any_bytes_have_a_partition(key: bytes) -> None:
    """Also a key that is no restaurant id."""
    assert partition(key, [3, 4], []) in (3, 4)
