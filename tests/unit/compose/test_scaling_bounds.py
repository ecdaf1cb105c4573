"""The bounds of make scale."""

import pytest

from compose.errors import StackError
from compose.supervisor import scaling_bounds
from schemas.settings import Settings

SETTINGS = Settings(partitions=4, reply_partitions=3)


@pytest.mark.parametrize(
    "counts", [{"streams": 0}, {"streams": 4, "ingress": 3}, {"egress": 4}, {"payments": 1}]
)
def test_counts_within_bounds_pass(counts: dict[str, int]) -> None:
    """Partitions bound streams and egress; partitions of replies bound ingress."""
    scaling_bounds.check(counts, SETTINGS)


@pytest.mark.parametrize(
    "counts",
    [{"streams": 5}, {"egress": 5}, {"ingress": 4}, {"payments": 2}, {"streams": -1}, {"kafka": 1}, {}],
)
def test_message_has_all_bounds(counts: dict[str, int]) -> None:
    """One line for each role: its range, and the setting that changes it."""
    with pytest.raises(StackError) as raised:
        scaling_bounds.check(counts, SETTINGS)
    for line in ("streams   0 to 4", "payments  0 to 1", "egress    0 to 4", "ingress   0 to 3"):
        assert line in str(raised.value)
    assert "PROMO_REPLY_PARTITIONS" in str(raised.value)


def test_all_counts_out_of_bounds_are_named() -> None:
    """One message for all of them."""
    with pytest.raises(StackError, match=r"(?s)streams=9 is out.*ingress=9 is out.*disco is not a role"):
        scaling_bounds.check({"streams": 9, "ingress": 9, "disco": 1}, SETTINGS)


def test_standby_copies_allow_more_workers() -> None:
    """A worker without a partition of its own keeps a copy for a quick takeover."""
    scaling_bounds.check({"streams": 8}, Settings(partitions=4, standby_replicas=1))


def test_settings_out_of_bounds_are_faults() -> None:
    """`make up` rejects them before it starts anything."""
    assert list(scaling_bounds.faults(SETTINGS)) == []
    [fault] = scaling_bounds.faults(Settings(partitions=4, streams_processes=5))
    assert fault.startswith("PROMO_STREAMS_PROCESSES=5: expected at most 4")


def test_given_provider_needs_no_simulated_one() -> None:
    """An existing payment provider replaces ours."""
    assert scaling_bounds.initial_counts(Settings(provider_url="https://payments.example"))["payments"] == 0
    assert scaling_bounds.initial_counts(Settings())["payments"] == 1
