"""The demo's verdict finds what it looks for."""

import json

import pytest

from compose.demo.http import LONGEST_PAUSE_SECONDS, Answered, pause
from compose.demo.ledger import Ledger
from compose.demo.race import Outcome
from compose.demo.verdict import reach


def told(order_id: str, status: int = 201, note: str = "") -> Answered:
    """Return an answer about an order."""
    body = json.dumps({"order_id": order_id, "note": note}).encode()
    return Answered(status, body, replayed=False, seconds=0.1, attempts=1)


def ledger(*order_ids: str) -> Ledger:
    """Return a log in which each of these was reserved and confirmed, a portion each."""
    return Ledger(list(order_ids), list(order_ids), len(order_ids), len(order_ids), 0)


OUTCOMES = [Outcome([told("a")]), Outcome([told("b"), told("b")]), Outcome([told("c", 409)])]


def test_a_log_that_says_what_was_answered_is_clean() -> None:
    """Two portions, three customers."""
    verdict = reach(OUTCOMES, ledger("a", "b"), 2)
    assert verdict.clean
    assert (verdict.sold, verdict.refused, verdict.p95_ms) == (2, 1, pytest.approx(100))


@pytest.mark.parametrize(
    ("log", "fault"),
    [
        (ledger("a", "b", "b"), "doubled"),
        (ledger("a"), "lost"),
        (ledger("a", "b", "x"), "lost"),
        (ledger("a", "b", "x"), "oversold"),
        (ledger("a"), "unsold"),
    ],
)
def test_a_log_that_says_otherwise_is_not(log: Ledger, fault: str) -> None:
    """Each way of breaking the promise is found."""
    verdict = reach(OUTCOMES, log, 2)
    assert getattr(verdict, fault) == 1
    assert not verdict.clean


def test_one_key_answered_with_two_things_is_found() -> None:
    """A replay is equal byte for byte."""
    outcomes = [Outcome([told("a"), told("a", note="else")])]
    verdict = reach(outcomes, ledger("a"), 1)
    assert verdict.differing == 1
    assert not verdict.clean


def test_a_customer_without_a_decision_is_not_forgotten() -> None:
    """A demo in which nobody is answered has not gone well."""
    assert not reach([Outcome([None])], ledger(), 1).clean


def test_retries_are_bounded_and_spread() -> None:
    """Full jitter under a bound."""
    assert all(0 <= pause(attempt) <= LONGEST_PAUSE_SECONDS for attempt in range(1, 50))
