"""Where keys go."""

from aiokafka.partitioner import DefaultPartitioner
from hypothesis import given
from hypothesis import strategies as st

from schemas import buckets
from schemas.partitioner import partition


@given(st.text(min_size=1).filter(lambda key: "#" not in key), st.integers(1, 64))
def test_keys_go_where_every_other_producer_sends_them(key: str, count: int) -> None:
    """Design, decision 1: one writer for each restaurant; two partitions for one key would be two."""
    partitions = list(range(count))
    assert partition(key.encode(), partitions, []) == DefaultPartitioner()(key.encode(), partitions, [])


@given(st.text("abcdefgh-_.~0123456789", min_size=1), st.integers(2, 8), st.integers(8, 64))
def test_buckets_of_a_restaurant_are_on_as_many_partitions(
    restaurant: str, count: int, partitions: int
) -> None:
    """Two buckets on one partition would share its speed."""
    keys = [buckets.bucket(restaurant, n).encode() for n in range(count)]
    assert len({partition(key, list(range(partitions)), []) for key in keys}) == count


@given(st.binary(min_size=1))
def test_any_key_goes_somewhere(key: bytes) -> None:
    """Poison too."""
    assert partition(key, [3, 4], []) in (3, 4)
