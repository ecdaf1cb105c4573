"""How a process finds its place."""

import pytest

from ingress.serving import reply_partition
from schemas.settings import Settings


@pytest.mark.parametrize(
    ("instance", "partition"),
    [("ingress-1", 0), ("ingress-2", 1), ("ingress-17", 0), ("", 0), ("x", 0), ("a-b-3", 2)],
)
def test_each_process_has_its_own_reply_partition(instance: str, partition: int) -> None:
    """Design, decision 6: the cost of an ingress process does not grow with everyone else's traffic."""
    assert reply_partition(Settings(instance=instance, reply_partitions=16)) == partition
