"""Retention of payment requests: what is owed outlives any outage of the provider."""

from hypothesis import given
from hypothesis import strategies as st

from egress.payments.retention import deletable
from schemas.topics import PAYMENT_REQUESTS
from tests.support.payments.fakes import P0, P1

OFFSETS = st.integers(0, 100)


@given(OFFSETS, OFFSETS, OFFSETS)
def test_what_is_open_or_young_is_kept(beginning: int, done: int, young: int) -> None:
    """A request is deleted exactly if it is before the worker's committed offset and before the first young one."""
    end = deletable({P0: beginning}, {P0: done}, {P0: young}).get(P0, beginning)
    for offset in range(beginning, 101):
        assert (offset < end) == (offset < done and offset < young)


def test_nothing_is_deleted_without_a_committed_offset() -> None:
    """Kafka forgets a group's offsets after a week without members; then nothing is known to be done."""
    assert deletable({P0: 0, P1: 3}, {P1: -1}, {P0: 50, P1: 50}) == {}


def test_kafka_deletes_no_request_by_age() -> None:
    """The topic had a retention of 14 days: a refund that was owed for longer was lost."""
    assert PAYMENT_REQUESTS.configs()["retention.ms"] == "-1"
