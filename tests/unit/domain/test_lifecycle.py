"""A confirmed order: moved on, cancelled, or past a deadline."""

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from schemas import identity
from schemas.commands import AdvanceOrder, CancelOrder, FindOrder, PromotionItem
from schemas.facts import OrderCancelled, PaymentRefunded
from schemas.identity import cancel_key_hash
from schemas.money import Money
from schemas.replies import Answer
from tables.registry import IDEMPOTENCY_KEYS, KITCHENS, ORDERS, key
from tests.support.domain.harness import RESERVATION, DomainHarness, place, promotion
from tests.support.domain.one_order import ORDER, advance, cancel, in_state, order, pending_order, result


@pytest.fixture
def domain() -> DomainHarness:
    return pending_order()


class TestStatus:
    """The restaurant moves orders on."""

    def test_an_order_goes_from_received_to_delivered(self, domain):
        """Each step is a fact with the next version."""
        result(domain, "authorised")
        for status in ("preparing", "out_for_delivery", "delivered"):
            assert advance(domain, status).outcome == "advanced"
        assert (order(domain).status, order(domain).version) == ("delivered", 5)

    def test_advancing_to_the_current_state_changes_nothing(self, domain):
        """Commands are idempotent."""
        result(domain, "authorised")
        first = advance(domain, "preparing")
        facts = len(domain.facts)
        assert (advance(domain, "preparing"), len(domain.facts)) == (first, facts)

    def test_an_unknown_order_is_refused(self, domain):
        """404 unknown-order."""
        assert domain.do(AdvanceOrder("r1", "o_nope", "preparing")).answer.outcome == "unknown_order"

    def test_the_kitchens_queue_counts_what_is_in_it(self, domain):
        """The ETA is estimated from it."""
        result(domain, "authorised")
        assert domain[KITCHENS]["r1"].open_orders == 1
        advance(domain, "preparing")
        advance(domain, "out_for_delivery")
        assert domain[KITCHENS]["r1"].open_orders == 0


class TestCancelByHolder:
    """`cancel-order` of a customer carries the holder of the token."""

    @pytest.mark.parametrize("state", ["pending", "received", "delivered", "cancelled"])
    def test_another_request_cancels_nothing(self, state):
        """Nor does it get the stored answer of a cancellation whose key it guesses."""
        domain = in_state(state)
        holder = order(domain).holder
        command = CancelOrder("r1", ORDER, "customer", cancel_key_hash(ORDER, "c"), "same", holder)
        stranger = replace(command, holder=identity.holder("another request"))
        before = order(domain)
        assert domain.do(stranger).answer == Answer("unknown_order") and order(domain) == before
        answer = domain.do(command).answer
        assert answer.outcome == ("too_late" if state == "delivered" else "cancelled")
        assert domain.do(stranger).answer == Answer("unknown_order")
        assert domain.do(command).answer == answer

    def test_older_order_has_an_empty_holder(self, domain):
        """Orders of earlier releases have none, and their tokens say so."""
        domain[ORDERS][key("r1", ORDER)] = replace(order(domain), holder=UNSET)
        assert domain.do(FindOrder("r1", ORDER, "")).answer.outcome == "found"
        assert domain.do(FindOrder("r1", ORDER, "digest")).answer.outcome == "key_reused"


class TestFindOrder:
    """`find-order`: the order's state at the decider."""

    @pytest.mark.parametrize("state", ["pending", "received", "preparing", "delivered", "cancelled"])
    def test_every_earlier_command_is_decided(self, state):
        """The reply has the newest state, and nothing changes."""
        domain = in_state(state)
        facts = len(domain.facts)
        assert domain.do(FindOrder("r1", ORDER)).answer == Answer("found", order(domain))
        assert len(domain.facts) == facts

    @pytest.mark.parametrize("state", ["pending", "received", "preparing", "delivered", "cancelled"])
    def test_only_the_request_that_placed_it_is_answered(self, state):
        """A key is no secret: a request with it and another body gets neither items nor status."""
        domain = in_state(state)
        holder = order(domain).holder
        assert domain.do(FindOrder("r1", ORDER, holder)).answer == Answer("found", order(domain))
        for other in ("", identity.holder("another request")):
            assert domain.do(FindOrder("r1", ORDER, other)).answer == Answer("key_reused")

    def test_refused_order_without_facts_is_unknown(self, domain):
        """Its command was decided before, and left nothing."""
        refused = place("k2", ("pastel", 1))
        assert domain.do(refused).answer.outcome == "unknown_item"
        assert domain.do(FindOrder("r1", refused.order_id)).answer == Answer("unknown_order")


class TestCancellation:
    """Before its preparation starts, an order can be cancelled."""

    def test_a_paid_order_is_cancelled_and_refunded_once(self, domain):
        """Portions return; the refund is pending until the provider says so."""
        result(domain, "authorised")
        assert cancel(domain).answer.outcome == "cancelled"
        assert (order(domain).status, order(domain).reason, order(domain).refund.status) == (
            "cancelled",
            "customer",
            "pending",
        )
        assert domain.stock("coxinha").free == 5
        result(domain, "refunded", "refund")
        result(domain, "refunded", "refund")
        assert sum(isinstance(f, PaymentRefunded) for f in domain.facts) == 1
        assert [r.kind for r in domain.payment_requests] == ["authorise", "refund"]

    def test_a_retried_cancellation_gets_the_first_answer(self, domain):
        """Byte-equal, also after the refund."""
        result(domain, "authorised")
        first = cancel(domain)
        result(domain, "refunded", "refund")
        again = cancel(domain)
        assert (again.answer, again.replayed) == (first.answer, True)
        assert sum(isinstance(f, OrderCancelled) for f in domain.facts) == 1

    @pytest.mark.parametrize("status", ["preparing", "out_for_delivery", "delivered"])
    def test_cancelling_in_preparation_is_too_late(self, status):
        """409 too-late."""
        assert cancel(in_state(status)).answer.outcome == "too_late"

    def test_cash_is_not_refunded(self):
        """Nothing was paid."""
        domain = DomainHarness().open(coxinha=5)
        domain.place("k", ("coxinha", 2))
        cancel(domain)
        assert (order(domain).refund, domain.payment_requests) == (None, [])

    def test_cancelling_a_pending_order_revokes_its_payment(self, domain):
        """The callers that wait get a reply; an authorisation in flight does not revive the order."""
        cancel(domain)
        assert domain.deferred_replies[0][1].answer.outcome == "payment_declined"
        result(domain, "authorised")
        assert (order(domain).status, domain.payment_requests[-1].kind) == ("cancelled", "refund")

    def test_cancelled_portions_do_not_count_for_the_limit(self):
        """The customer may order them again."""
        domain = DomainHarness().open(coxinha=20)
        domain.do(promotion(PromotionItem("coxinha", Money(500), 10, 2)))
        domain.place("k", ("coxinha", 2), customer="ana")
        assert domain.place("k2", ("coxinha", 1), customer="ana").answer.outcome == "limit_reached"
        cancel(domain)
        assert domain.place("k3", ("coxinha", 2), customer="ana").answer.outcome == "confirmed"
        assert domain.stock("coxinha").allotments["p1"].free == 8


class TestTime:
    """A deadline fires once, when it has passed."""

    def test_an_order_not_prepared_in_time_is_cancelled(self, domain):
        """preparation_timeout before preparing: its portions are free again."""
        result(domain, "authorised")
        domain.advance_time(1799)
        assert order(domain).status == "received"
        domain.advance_time(1)
        assert (order(domain).reason, domain.stock("coxinha").free) == ("preparation_timeout", 5)
        assert order(domain).refund.status == "pending"

    def test_a_preparation_past_its_deadline_is_wasted(self, domain):
        """portions = free + reserved + wasted."""
        result(domain, "authorised")
        advance(domain, "preparing")
        domain.advance_time(1800)
        stock = domain.stock("coxinha")
        assert (order(domain).status, stock.free, stock.reserved, stock.wasted) == ("cancelled", 3, 0, 2)
        assert domain.facts[-1].wasted

    def test_timers_fire_once_and_are_gone(self, domain):
        """A second tick finds nothing."""
        domain.advance_time(RESERVATION)
        facts = len(domain.facts)
        domain.advance_time(10)
        assert len(domain.facts) == facts

    def test_an_expired_key_is_deleted(self, domain):
        """State does not grow indefinitely."""
        result(domain, "authorised")
        domain.advance_time(86_400)
        assert not domain[IDEMPOTENCY_KEYS]

    def test_a_promotion_emits_a_fact_when_it_opens_and_ends(self):
        """Each is a fact with the next version."""
        domain = DomainHarness().open(coxinha=5)
        item = PromotionItem("coxinha", Money(500), 3)
        domain.do(promotion(item, starts=domain.now + 10_000, ends=domain.now + 20_000))
        phases = [domain.facts[-1].promotion.phase]
        for _ in range(2):
            domain.advance_time(10)
            phases.append(domain.facts[-1].promotion.phase)
        assert phases == ["scheduled", "open", "ended"]
        assert domain.facts[-1].promotion.version == 3
        assert domain.place("k", ("coxinha", 4)).answer.order.total == Money(4000)
