"""The reply partition of a process."""

import pytest

from ingress.bootstrap import reply_partition
from schemas.settings import Settings


@pytest.mark.parametrize(
    ("instance", "partition"),
    [("ingress-1", 0), ("ingress-2", 1), ("ingress-17", 0), ("", 0), ("a-b-3", 2)],
)
def test_reply_partition_follows_the_number(instance: str, partition: int) -> None:
    """The cost of a process does not grow with the replies of others. DECISIONS.md: replies-by-address"""
    assert reply_partition(Settings(instance=instance, reply_partitions=16)) == partition


def test_other_names_are_spread() -> None:
    """Pods of a Deployment: two may share a partition and skip each other's replies, but not all do."""
    pods = [f"promo-ingress-6c9f8d7b5-x{letter}k2q" for letter in "abcdefghijklmnop"]
    places = [reply_partition(Settings(instance=pod, reply_partitions=16)) for pod in pods]
    assert len(set(places)) >= 8 and all(0 <= place < 16 for place in places)
