"""The law of lives: whatever becomes of an order's id, each of its payments holds what its own life owes."""

import tempfile
from collections import Counter
from pathlib import Path

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec import UNSET

from compose.provider.ledger import Ledger
from schemas.commands import AdvanceOrder, CancelOrder, PaymentResult
from schemas.facts import OrderCreated
from schemas.identity import cancel_key_hash, order_id, payment_id
from schemas.orders import FINAL, Order
from schemas.payments import PaymentRequest
from schemas.timestamps import to_text
from streams.domain.decision import Policy
from tables.registry import ORDERS, key
from tests.support.domain.harness import NOW, RESERVATION, TTL, DomainHarness, place
from tests.support.domain.one_order import ORDER, advance, cancel, order, pending_order, result

#: Keys that end before a preparation does, and orders that leave soon after they have ended.
SHORT_TTL = 600
SHORT_RETENTION = 900
SHORT_KEYS = Policy(
    SHORT_TTL,
    RESERVATION,
    order_retention_seconds=SHORT_RETENTION,
    refusal_retention_seconds=SHORT_RETENTION,
)
KEYS = st.sampled_from(["k", "l"])
DRAWS = st.integers(0, 1000)


def perform(ledger: Ledger, request: PaymentRequest, *, decline: bool = False) -> PaymentResult:
    """Let the provider carry a request out, as egress asks for it; return the result."""
    payment, reference = request.payment_id or request.order_id, UNSET
    if request.kind == "authorise":
        entry = ledger.authorise(payment, request.order_id, request.amount, request.method, decline=decline)
        outcome = entry.kind
        reference = entry.reference if outcome == "authorised" else UNSET
    else:
        kind = ledger.refund(payment, request.order_id, request.reference or None).kind
        outcome = "refunded" if kind == "refunded" else "nothing_to_refund"
    return PaymentResult(
        request.restaurant_id, request.order_id, request.kind, outcome, request.payment_id, reference
    )


def balances(ledger: Ledger) -> Counter[str]:
    """Return what was taken less what was given back, by payment."""
    held: Counter[str] = Counter()
    for entry in ledger.entries:
        if entry.kind in ("authorised", "refunded") and entry.amount:
            held[entry.payment_id] += (
                entry.amount.amount if entry.kind == "authorised" else -entry.amount.amount
            )
    return held


def owed(domain: DomainHarness) -> Counter[str]:
    """Return what each life owes through the provider, by its payment: its total, unless it is cancelled."""
    lives: dict[str, Order] = {}
    for fact in domain.facts:
        if isinstance(fact, Order):
            assert not (isinstance(fact, OrderCreated) and fact.payment_id in lives), "two lives, one payment"
            lives[str(fact.payment_id)] = fact
    stand = {name: one for name, one in lives.items() if one.status != "cancelled"}
    return Counter({name: one.total.amount for name, one in stand.items() if one.payment_method != "cash"})


class Lives(RuleBasedStateMachine):
    """Two keys, their orders and payments; the requests and results may be late, repeated, and of another life."""

    @initialize()
    def open(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.ledger = Ledger(Path(self.folder.name) / "ledger.jsonl")
        self.domain = DomainHarness(policy=SHORT_KEYS).open(coxinha=None)
        self.results: list[PaymentResult] = []

    def teardown(self) -> None:
        """Carry out what is left, in any case once, and compare the books."""
        done = 0
        while done < len(self.domain.payment_requests):
            for request in self.domain.payment_requests[done:]:
                done += 1
                self.domain.do(perform(self.ledger, request), None)
            self.domain.advance_time(RESERVATION)
        held = balances(self.ledger)
        assert {name: amount for name, amount in held.items() if amount} == dict(owed(self.domain))
        self.ledger.close()
        self.folder.cleanup()

    @rule(key_=KEYS, quantity=st.integers(1, 2), method=st.sampled_from(["pix", "pix", "cash"]))
    def place(self, key_: str, quantity: int, method: str) -> None:
        """An order that is known stays as it is, whatever has become of its key."""
        before = self._order(key_)
        self.domain.do(place(key_, ("coxinha", quantity), method=method))
        assert before is None or self._order(key_) == before

    @rule(key_=KEYS, steps=st.integers(1, 3))
    def advance(self, key_: str, steps: int) -> None:
        for status in ("preparing", "out_for_delivery", "delivered")[:steps]:
            self.domain.do(AdvanceOrder("r1", order_id("r1", key_), status))

    @rule()
    def settle(self) -> None:
        """Every request is carried out, the first time or again, and answered at once."""
        for request in list(self.domain.payment_requests):
            self.domain.do(perform(self.ledger, request), None)

    @rule(key_=KEYS, by=st.sampled_from(["customer", "restaurant"]))
    def cancel(self, key_: str, by: str) -> None:
        """The key of the cancellation is the same in each life."""
        cancelled = order_id("r1", key_)
        stands = (one := self._order(key_)) is not None and one.status in ("pending", "received")
        answer = self.domain.do(
            CancelOrder("r1", cancelled, by, cancel_key_hash(cancelled, "c"), "same")
        ).answer
        after = self._order(key_)
        assert not stands or (answer.outcome, after and after.status) == ("cancelled", "cancelled")

    @precondition(lambda self: self.domain.payment_requests)
    @rule(draw=DRAWS, decline=st.booleans())
    def execute(self, draw: int, decline: bool) -> None:
        """A request is carried out, the first time or again; its result is on its way."""
        requests = self.domain.payment_requests
        self.results.append(perform(self.ledger, requests[draw % len(requests)], decline=decline))

    @precondition(lambda self: self.results)
    @rule(draw=DRAWS)
    def deliver(self, draw: int) -> None:
        """A result arrives, late, or once more."""
        self.domain.do(self.results[draw % len(self.results)], None)

    @rule(
        key_=KEYS,
        payment=st.sampled_from([UNSET, "pay_another", payment_id(ORDER, to_text(NOW - 1))]),
        kind_and_outcome=st.sampled_from(
            [("authorise", "authorised"), ("authorise", "declined"), ("refund", "refunded")]
        ),
    )
    def deliver_of_another_life(self, key_: str, payment: str, kind_and_outcome: tuple[str, str]) -> None:
        """It changes nothing, whatever it says."""
        before = self.domain.snapshot()
        self.domain.do(PaymentResult("r1", order_id("r1", key_), *kind_and_outcome, payment, "ref_x"), None)
        assert self.domain.tables == before

    @rule(seconds=st.sampled_from([1, RESERVATION, SHORT_TTL, SHORT_RETENTION, 1800, 3600]))
    def wait(self, seconds: int) -> None:
        """Reservations, preparations and keys end; ended orders leave the state, and only these."""
        before = {name: self._order(name) for name in ("k", "l")}
        self.domain.advance_time(seconds)
        for name, one in before.items():
            assert one is None or one.status in FINAL or self._order(name) is not None

    @invariant()
    def what_is_given_back_was_taken(self) -> None:
        if hasattr(self, "ledger"):
            assert all(amount >= 0 for amount in balances(self.ledger).values())

    @invariant()
    def a_version_names_one_fact(self) -> None:
        """Of all lives of an order's id: views and readers compare versions."""
        if hasattr(self, "ledger"):
            facts = [f for f in self.domain.facts if isinstance(f, Order)]
            seen = [(f.order_id, f.version) for f in facts]
            assert len(set(seen)) == len(seen)

    def _order(self, key_: str) -> Order | None:
        return self.domain[ORDERS].get(key("r1", order_id("r1", key_)))


TestLives = Lives.TestCase
TestLives.settings = settings(max_examples=200, stateful_step_count=30, deadline=None)


def second_life(domain: DomainHarness) -> None:
    """Let the key's time pass, remove the order, and place it again under the key."""
    domain.advance_time(TTL)
    del domain[ORDERS][key("r1", ORDER)]
    assert domain.do(place("k", ("coxinha", 2), method="pix")) is None


def test_a_second_life_has_a_payment_of_its_own():
    """The provider would answer the first payment's request with the first authorisation."""
    domain = pending_order()
    result(domain, "authorised")
    second_life(domain)
    first, second = domain.payment_requests[0], domain.payment_requests[-1]
    assert (first.order_id, first.kind) == (second.order_id, second.kind)
    assert first.payment_id != second.payment_id == order(domain).payment_id


def test_a_refund_names_the_authorisation_that_it_returns():
    """The reference comes with the result, stays with the order, and leaves with the refund."""
    domain = pending_order()
    result(domain, "authorised")
    cancel(domain)
    refund = domain.payment_requests[-1]
    assert (
        (refund.kind, refund.reference) == ("refund", order(domain).payment_reference) == ("refund", "ref_1")
    )
    assert refund.payment_id == domain.payment_requests[0].payment_id


def test_a_payment_without_an_answer_is_revoked_by_its_id_alone():
    """There is no authorisation to name."""
    domain = pending_order()
    domain.advance_time(RESERVATION)
    refund = domain.payment_requests[-1]
    assert (refund.kind, refund.reference) == ("refund", UNSET)
    assert refund.payment_id == domain.payment_requests[0].payment_id


def test_a_deadline_of_one_life_does_not_end_another():
    """The preparation of the first would have ended during the second."""
    domain = DomainHarness(policy=SHORT_KEYS).open(coxinha=5)
    domain.place("k", ("coxinha", 1))
    for status in ("preparing", "out_for_delivery", "delivered"):
        advance(domain, status)
    domain.advance_time(1000)
    domain.place("k", ("coxinha", 1))
    domain.advance_time(800)
    assert order(domain).status == "received"
    domain.advance_time(1000)
    assert (order(domain).status, order(domain).reason) == ("cancelled", "preparation_timeout")


def test_a_cancellation_belongs_to_its_life():
    """The key of the first one's cancellation still has its answer when the second is cancelled."""
    domain = DomainHarness(policy=SHORT_KEYS).open(coxinha=5)
    domain.place("k", ("coxinha", 1))
    domain.advance_time(500)
    assert (cancel(domain).replayed, cancel(domain).replayed) == (False, True)
    domain.advance_time(100)
    del domain[ORDERS][key("r1", ORDER)]
    domain.place("k", ("coxinha", 1))
    assert (cancel(domain).replayed, order(domain).status) == (False, "cancelled")


def test_an_order_of_an_earlier_release_is_paid_and_refunded():
    """It has no payment id: its own id names its payment, in requests and in results."""
    domain = pending_order()
    stored = key("r1", ORDER)
    domain[ORDERS][stored] = msgspec.structs.replace(order(domain), payment_id=UNSET)
    domain.do(PaymentResult("r1", ORDER, "authorise", "authorised"), None)
    assert order(domain).status == "received"
    cancel(domain)
    refund = domain.payment_requests[-1]
    assert (refund.payment_id, refund.reference) == (UNSET, UNSET)
    domain.do(PaymentResult("r1", ORDER, "refund", "refunded"), None)
    assert order(domain).refund.status == "refunded"
