"""The payment of an order: reserve, authorise, confirm; or release."""

import pytest

from schemas.codec import ReplyAddress
from schemas.facts import OrderConfirmed, OrderFailed, PaymentRefunded, StockReleased
from schemas.money import Money
from streams.domain.decision import Policy
from tables.registry import IDEMPOTENCY_KEYS
from tests.support.domain.harness import RESERVATION, DomainHarness, place
from tests.support.domain.one_order import order, pending_order, result

OTHER = ReplyAddress(1, b"other")


@pytest.fixture
def domain() -> DomainHarness:
    return pending_order()


def test_a_pix_order_is_pending_and_requests_one_authorisation(domain):
    """The request has the amount and the deadline of the reservation; the reply comes later."""
    [request] = domain.payment_requests
    assert (request.kind, request.amount) == ("authorise", Money(2000))
    assert request.deadline == domain.now + RESERVATION * 1000
    assert (order(domain).status, domain.stock("coxinha").free) == ("pending", 3)


def test_an_authorised_order_is_confirmed_and_answered(domain):
    """The reply goes to the caller that waits."""
    result(domain, "authorised")
    [(_, reply)] = domain.deferred_replies
    assert (reply.answer.outcome, reply.replayed) == ("confirmed", False)
    assert (order(domain).status, order(domain).paid) == ("received", True)


def test_a_retry_in_flight_waits_for_the_same_outcome(domain):
    """Spree's defect: no lock while the first request is in flight."""
    assert domain.do(place("k", ("coxinha", 2), method="pix"), OTHER) is None
    result(domain, "authorised")
    (_, first), (address, second) = domain.deferred_replies
    assert (address, second.answer, first.replayed, second.replayed) == (OTHER, first.answer, False, True)


def test_another_body_under_a_key_in_flight_is_refused_at_once(domain):
    """422 does not wait."""
    assert domain.place("k", ("coxinha", 1)).answer.outcome == "key_reused"


def test_a_key_lives_until_its_order_is_decided():
    """Also past its time: a retry waits, another body is refused, and the key ends with the next tick after."""
    domain = DomainHarness(policy=Policy(60, RESERVATION)).open(coxinha=5)
    assert domain.do(place("k", ("coxinha", 2), method="pix")) is None
    domain.advance_time(61)
    assert domain.do(place("k", ("coxinha", 2), method="pix"), OTHER) is None
    assert domain.place("k", ("coxinha", 1), method="pix").answer.outcome == "key_reused"
    result(domain, "authorised")
    assert [reply.answer.outcome for _, reply in domain.deferred_replies] == ["confirmed"] * 2
    assert domain.place("k", ("coxinha", 2), method="pix").answer.outcome == "key_reused"
    domain.advance_time(1)
    assert not domain[IDEMPOTENCY_KEYS]


def test_a_declined_payment_fails_the_order_and_releases_it(domain):
    """Confluent's defect: reserved stock that is never released."""
    result(domain, "declined")
    failed, released = domain.facts[-2:]
    assert isinstance(failed, OrderFailed) and failed.reason == "payment_declined"
    assert isinstance(released, StockReleased) and released.items[0].available == 5
    assert domain.stock("coxinha").free == 5
    assert domain.deferred_replies[0][1].answer.outcome == "payment_declined"


def test_a_result_that_comes_twice_changes_nothing(domain):
    """Callbacks are duplicated."""
    result(domain, "authorised")
    facts = len(domain.facts)
    result(domain, "authorised")
    result(domain, "declined")
    assert len(domain.facts) == facts


def test_a_payment_past_its_deadline_fails_the_order(domain):
    """payment_timeout; the refund request makes sure that no authorisation stands."""
    domain.advance_time(RESERVATION - 1)
    assert order(domain).status == "pending"
    domain.advance_time(1)
    assert (order(domain).status, order(domain).reason) == ("cancelled", "payment_timeout")
    assert domain.stock("coxinha").free == 5
    assert [r.kind for r in domain.payment_requests] == ["authorise", "refund"]
    assert domain.deferred_replies[0][1].answer.outcome == "payment_timeout"


def test_a_late_authorisation_does_not_confirm(domain):
    """The portions may be sold again by then; the refund that was requested takes the money back."""
    domain.advance_time(RESERVATION)
    result(domain, "authorised")
    assert order(domain).status == "cancelled"
    result(domain, "refunded", "refund")
    assert isinstance(domain.facts[-1], PaymentRefunded)
    assert order(domain).refund.status == "refunded"


def test_nothing_to_refund_is_no_refund(domain):
    """The provider had authorised nothing."""
    domain.advance_time(RESERVATION)
    result(domain, "nothing_to_refund", "refund")
    assert order(domain).refund is None


def test_a_result_for_an_unknown_order_is_ignored():
    """Nothing to decide."""
    domain = DomainHarness().open(coxinha=5)
    result(domain, "authorised")
    assert not any(isinstance(f, OrderConfirmed) for f in domain.facts)
