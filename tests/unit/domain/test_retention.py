"""What leaves the state: ended orders, refusals and their keys, customers' usages of promotions that are over."""

from collections import Counter

import pytest

from schemas.commands import AdvanceOrder, CancelOrder, DeleteMenuItem, DeleteRestaurant, PromotionItem
from schemas.identity import order_id
from schemas.money import Money
from schemas.orders import Order
from streams.domain.decision import Policy
from tables.registry import CUSTOMER_USAGE, IDEMPOTENCY_KEYS, KITCHENS, ORDERS, OWED_REFUNDS, TIMERS, key
from tests.support.domain.harness import NOW, DomainHarness, menu_item, place, promotion
from tests.support.domain.one_order import ORDER, advance, cancel, order, result

MINUTE, HOUR, DAY = 60, 3_600, 86_400
POLICY = Policy()
RETENTION = POLICY.order_retention_seconds
REFUSAL_RETENTION = POLICY.refusal_retention_seconds


def kitchen(**portions: int | None) -> DomainHarness:
    return DomainHarness(policy=POLICY).open(**portions)


def is_stored(domain: DomainHarness) -> bool:
    return key("r1", ORDER) in domain[ORDERS]


def deliver(domain: DomainHarness) -> None:
    for status in ("preparing", "out_for_delivery", "delivered"):
        advance(domain, status)


def rows(domain: DomainHarness) -> Counter[str]:
    return Counter({name: len(table) for name, table in domain.tables.items()})


def test_a_delivered_order_leaves_with_its_key() -> None:
    """Eight days after its last change: later than its view, and than its key's time."""
    domain = kitchen(coxinha=5)
    before = rows(domain)
    domain.place("k", ("coxinha", 2))
    domain.advance_time(HOUR / 2)
    deliver(domain)
    domain.advance_time(RETENTION - 1)
    assert is_stored(domain)
    domain.advance_time(1)
    assert rows(domain) - before == Counter(kitchens=1)


def test_an_open_order_stays() -> None:
    """However long the restaurant leaves it on its way."""
    domain = kitchen(coxinha=5)
    domain.place("k", ("coxinha", 2))
    advance(domain, "preparing")
    advance(domain, "out_for_delivery")
    domain.advance_time(400 * DAY)
    assert is_stored(domain)
    advance(domain, "delivered")
    domain.advance_time(RETENTION)
    assert not is_stored(domain)


@pytest.mark.parametrize("refuse", ["out_of_stock", "payment_declined", "price_changed"])
def test_a_refused_order_leaves_within_minutes(refuse: str) -> None:
    """Clients can make any number of them; a retry within the minutes gets the same answer."""
    domain = kitchen(coxinha=1)
    before = rows(domain)
    wanted = {
        "out_of_stock": place("k", ("coxinha", 2)),
        "price_changed": place("k", ("coxinha", 1), expected=1),
        "payment_declined": place("k", ("coxinha", 1), method="pix"),
    }[refuse]
    domain.do(wanted)
    if refuse == "payment_declined":
        result(domain, "declined")
    domain.advance_time(REFUSAL_RETENTION - 1)
    again = domain.do(wanted)
    assert again and again.replayed and again.answer.outcome == refuse
    domain.advance_time(300)
    assert not rows(domain) - before - Counter(kitchens=1)


def test_a_refusal_of_many_orders_leaves_no_timer_of_days() -> None:
    """The key's timer of 48 hours was set for every order, refused ones too."""
    domain = kitchen(coxinha=0)
    for number in range(50):
        domain.place(f"k{number}", ("coxinha", 1))
    assert max(timer.due for timer in domain[TIMERS].values()) <= NOW + REFUSAL_RETENTION * 1000


def test_a_key_is_free_when_its_refused_order_has_left() -> None:
    """Who was told that a dish is sold out may order it under the same key once there is more."""
    domain = kitchen(coxinha=1)
    assert domain.place("k", ("coxinha", 2)).answer.outcome == "out_of_stock"
    domain.do(menu_item("coxinha", 5))
    assert domain.place("k", ("coxinha", 2)).answer.outcome == "out_of_stock"
    domain.advance_time(REFUSAL_RETENTION)
    assert domain.place("k", ("coxinha", 2)).answer.outcome == "confirmed"


def test_versions_go_on_above_those_of_orders_that_have_left() -> None:
    """A view with an older version would hide the second order, and a reader could not tell their facts apart."""
    domain = kitchen(coxinha=1)
    domain.place("k", ("coxinha", 2))
    last = order(domain).version
    domain.advance_time(REFUSAL_RETENTION)
    domain.place("k", ("coxinha", 1))
    deliver(domain)
    versions = [fact.version for fact in domain.facts if isinstance(fact, Order) and fact.order_id == ORDER]
    assert versions == [1, 2, 3, 4, 5, 6, 7] and last == 2


@pytest.mark.parametrize("late_days", [9, 30])
def test_an_order_stays_until_its_refund_is_answered(late_days: int) -> None:
    """The fact that the money went back carries the order: the provider may be away for longer than orders are kept."""
    domain = kitchen(coxinha=5)
    domain.do(place("k", ("coxinha", 2), method="pix"))
    result(domain, "authorised")
    cancel(domain)
    for _ in range(late_days * 24):
        domain.advance_time(HOUR)
    result(domain, "refunded", kind="refund")
    assert order(domain).refund.status == "refunded"
    domain.advance_time(RETENTION + HOUR)
    assert not is_stored(domain) and not domain[OWED_REFUNDS]


@pytest.mark.parametrize("outcome", ["refunded", "nothing_to_refund"])
def test_a_refused_order_stays_until_its_payment_is_revoked(outcome: str) -> None:
    """It may have been paid after all: then the refund is a fact."""
    domain = kitchen(coxinha=5)
    domain.do(place("k", ("coxinha", 2), method="pix"))
    domain.advance_time(POLICY.reservation_seconds)
    assert order(domain).reason == "payment_timeout"
    for _ in range(48):
        domain.advance_time(HOUR)
    result(domain, outcome, kind="refund")
    assert (order(domain).refund is not None) == (outcome == "refunded")
    domain.advance_time(RETENTION + HOUR)
    assert not is_stored(domain) and not domain[OWED_REFUNDS] and not domain[IDEMPOTENCY_KEYS]


def test_an_order_of_an_earlier_release_waits_for_its_refund() -> None:
    """That release wrote no row for a refund that is owed; the order says it."""
    domain = kitchen(coxinha=5)
    domain.do(place("k", ("coxinha", 2), method="pix"))
    result(domain, "authorised")
    cancel(domain)
    domain[OWED_REFUNDS].clear()
    domain.advance_time(RETENTION)
    assert is_stored(domain)


def test_an_expired_key_of_a_stored_order_is_refused() -> None:
    """An order's id names one order at a time."""
    domain = kitchen(coxinha=5)
    domain.place("k", ("coxinha", 1))
    deliver(domain)
    domain.advance_time(POLICY.idempotency_ttl_seconds)
    assert domain.place("k", ("coxinha", 1)).answer.outcome == "key_reused"
    domain.advance_time(RETENTION - POLICY.idempotency_ttl_seconds)
    assert domain.place("k", ("coxinha", 1)).answer.outcome == "confirmed"


def test_an_order_does_not_leave_before_its_key() -> None:
    """Where the operator keeps keys for longer than orders."""
    domain = DomainHarness(policy=Policy(idempotency_ttl_seconds=2 * RETENTION)).open(coxinha=5)
    domain.place("k", ("coxinha", 1))
    deliver(domain)
    domain.advance_time(2 * RETENTION - 1)
    assert domain.place("k", ("coxinha", 1)).replayed
    domain.advance_time(1)
    assert not is_stored(domain) and not domain[IDEMPOTENCY_KEYS]


def limited(ends: int) -> DomainHarness:
    domain = kitchen(coxinha=50)
    domain.do(promotion(PromotionItem("coxinha", Money(500), 40, 2), ends=ends))
    assert domain.place("a", ("coxinha", 2), customer="ana").answer.outcome == "confirmed"
    return domain


def test_a_usage_leaves_when_its_promotion_retires() -> None:
    """One row for each name that orders under a limit was kept indefinitely."""
    domain = limited(NOW + MINUTE * 1000)
    domain.advance_time(MINUTE + HOUR - 1)
    assert domain[CUSTOMER_USAGE]
    domain.advance_time(1)
    assert not domain[CUSTOMER_USAGE]


def test_a_usage_stays_while_its_promotion_is_extended() -> None:
    """The limit goes on counting."""
    domain = limited(NOW + MINUTE * 1000)
    domain.do(AdvanceOrder("r1", order_id("r1", "a"), "preparing"))
    domain.do(AdvanceOrder("r1", order_id("r1", "a"), "out_for_delivery"))
    longer = promotion(PromotionItem("coxinha", Money(500), 40, 2), ends=NOW + 5 * HOUR * 1000)
    domain.do(longer)
    domain.advance_time(MINUTE + HOUR)
    assert domain.place("b", ("coxinha", 1), customer="ana").answer.outcome == "limit_reached"
    domain.advance_time(5 * HOUR)
    assert not domain[CUSTOMER_USAGE]


def test_a_usage_of_an_earlier_run_leaves_during_the_next() -> None:
    """What the next run has counted stays."""
    domain = limited(NOW + MINUTE * 1000)
    domain.now += (MINUTE + HOUR) * 1000
    begin = domain.now
    domain.do(promotion(PromotionItem("coxinha", Money(500), 40, 2), starts=begin, ends=begin + HOUR * 1000))
    domain.place("c", ("coxinha", 1), customer="bia")
    domain.advance_time(1)
    assert [name.rpartition("\x1f")[2] for name in domain[CUSTOMER_USAGE]] == ["bia"]


def test_a_late_cancellation_leaves_no_usage_behind() -> None:
    """It counts down a usage that has left with its promotion."""
    domain = limited(NOW + MINUTE * 1000)
    domain.now += (MINUTE + HOUR) * 1000
    del domain[CUSTOMER_USAGE][key("r1", "p1", "ana")]
    domain.do(CancelOrder("r1", order_id("r1", "a"), "customer", "cancel a", "c"))
    domain.advance_time(1)
    assert not domain[CUSTOMER_USAGE]


def test_the_state_levels_off() -> None:
    """Of 24 equal days the last twelve add no row: as much leaves in a day as comes."""
    domain = kitchen(coxinha=None, pastel=0)
    sizes = []
    for day in range(24):
        for number in range(6):
            name = f"{day}-{number}"
            domain.place(name, ("coxinha", 1), method="cash")
            domain.place(f"sold out {name}", ("pastel", 1))
            for status in ("preparing", "out_for_delivery", "delivered"):
                domain.do(AdvanceOrder("r1", order_id("r1", name), status))
        domain.advance_time(DAY)
        sizes.append(sum(rows(domain).values()))
    assert sizes[-1] == sizes[-12] and max(sizes) == sizes[-1]
    assert domain[KITCHENS]["r1"].deleted_version


def test_versions_of_orders_go_on_when_a_restaurant_is_put_again() -> None:
    """Its orders have left, and their ids may come back."""
    domain = kitchen(coxinha=0)
    domain.place("k", ("coxinha", 1))
    domain.advance_time(REFUSAL_RETENTION)
    for command in (DeleteMenuItem("r1", "coxinha"), DeleteRestaurant("r1")):
        reply = domain.do(command)
        assert reply and reply.answer.outcome == "deleted"
    domain.open(coxinha=1)
    answered = domain.place("k", ("coxinha", 1)).answer.order
    assert answered and answered.version == 4
