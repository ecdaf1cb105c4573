"""The audit of the demo finds each broken guarantee."""

import json

import pytest

from compose.demo.audit import compare
from compose.demo.fact_counts import FactCounts
from compose.demo.http import MAX_DELAY_SECONDS, HttpOutcome, retry_delay


def answered(order_id: str, status: int = 201, note: str = "") -> HttpOutcome:
    """Return an answer about an order."""
    body = json.dumps({"order_id": order_id, "note": note}).encode()
    return HttpOutcome(status, body, replayed=False, seconds=0.1)


def facts_of(*order_ids: str) -> FactCounts:
    """Return facts in which each of these orders has one portion, reserved and confirmed."""
    return FactCounts(list(order_ids), list(order_ids), len(order_ids), len(order_ids), 0)


RESULTS = [
    [answered("a")],
    [answered("b"), answered("b")],
    [answered("c", 409)],
]


def test_facts_that_equal_the_answers_are_clean() -> None:
    """Two portions, three customers."""
    result = compare(RESULTS, facts_of("a", "b"), 2)
    assert result.is_clean
    assert (result.sold, result.refused, result.p95_ms) == (2, 1, pytest.approx(100))


@pytest.mark.parametrize(
    ("facts", "fault"),
    [
        (facts_of("a", "b", "b"), "doubled"),
        (facts_of("a"), "lost"),
        (facts_of("a", "b", "x"), "lost"),
        (facts_of("a", "b", "x"), "oversold"),
        (facts_of("a"), "unsold"),
    ],
)
def test_each_broken_guarantee_is_found(facts: FactCounts, fault: str) -> None:
    """Oversold, lost, doubled, or left unsold."""
    result = compare(RESULTS, facts, 2)
    assert getattr(result, fault) == 1
    assert not result.is_clean


def test_two_answers_to_one_key_are_found() -> None:
    """A replay is equal byte for byte."""
    results = [[answered("a"), answered("a", note="else")]]
    result = compare(results, facts_of("a"), 1)
    assert result.differing == 1
    assert not result.is_clean


def test_customer_without_a_decision_is_counted() -> None:
    """A demo without answers has not succeeded."""
    assert not compare([[None]], facts_of(), 1).is_clean


def test_retries_are_bounded() -> None:
    """Full jitter with an upper bound."""
    assert all(0 <= retry_delay(attempt) <= MAX_DELAY_SECONDS for attempt in range(1, 50))
