"""What is told of a wait: the time in queues of ours, whoever else took his."""

import pytest
from msgspec.structs import replace

from ingress.queueing import queued
from schemas.commands import Payment, PlaceOrder
from schemas.replies import Answer, Outcome, Reply
from tests.ingress.fakes import order_of

ORDER = replace(
    order_of(PlaceOrder("o1", "r1", "hash", "fingerprint", [], Payment("pix"))),
    created_at="2026-01-01T00:00:00.000Z",
    updated_at="2026-01-01T00:00:01.900Z",
)


@pytest.mark.parametrize("outcome", ["confirmed", "payment_declined", "payment_timeout"])
def test_what_the_payment_took_is_no_queue_of_ours(outcome: Outcome) -> None:
    """Orders that are paid for are all that there may be: an overload must be seen on them, too."""
    assert queued(Reply(Answer(outcome, ORDER)), 2.5) == pytest.approx(0.6)
    assert queued(Reply(Answer(outcome, ORDER)), 1.0) == 0.0


@pytest.mark.parametrize(
    "answer",
    [
        Answer("confirmed", replace(ORDER, payment_method="cash")),
        Answer("out_of_stock", ORDER),
        Answer("created"),
    ],
)
def test_who_waited_for_no_payment_waited_for_us_alone(answer: Answer) -> None:
    assert queued(Reply(answer), 2.5) == 2.5


def test_a_replay_tells_nothing_of_the_payment_that_was_before_it() -> None:
    assert queued(Reply(Answer("confirmed", ORDER), replayed=True), 2.5) is None
