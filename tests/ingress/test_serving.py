"""How a process finds its place."""

import pytest

from ingress.serving import reply_partition
from schemas.settings import Settings


@pytest.mark.parametrize(
    ("instance", "partition"),
    [("ingress-1", 0), ("ingress-2", 1), ("ingress-17", 0), ("", 0), ("a-b-3", 2)],
)
def test_each_process_has_its_own_reply_partition(instance: str, partition: int) -> None:
    """Design, decision 6: the cost of an ingress process does not grow with everyone else's traffic."""
    assert reply_partition(Settings(instance=instance, reply_partitions=16)) == partition


def test_names_without_numbers_are_spread_over_the_partitions() -> None:
    """Pods of a Deployment: two may meet, which costs them each other's replies, but not all do."""
    pods = [f"promo-ingress-6c9f8d7b5-x{letter}k2q" for letter in "abcdefghijklmnop"]
    places = [reply_partition(Settings(instance=pod, reply_partitions=16)) for pod in pods]
    assert len(set(places)) >= 8 and all(0 <= place < 16 for place in places)
