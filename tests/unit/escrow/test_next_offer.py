"""The next offer of an item whose portions are in several buckets (streams/domain/escrow/README.md, N)."""

from collections import Counter

import pytest

from schemas.commands import CancelOrder, PromotionItem
from schemas.facts import OrderConfirmed, StockReserved
from schemas.money import Money
from streams.domain.escrow.sold_out import SOLD_OUT_MS
from tables.registry import ORDERS
from tests.escrow.harness import HOME, EscrowHarness, key_of, one_item
from tests.support.domain.harness import menu_item, place, promotion


def with_offers(*offers: tuple[int, int, str], portions: int = 40) -> EscrowHarness:
    """Return four buckets with an item for 10.00 in promotions p1, p2, ... of these prices and portions."""
    harness = one_item(portions=portions)
    for number, (price, count, says) in enumerate(offers, start=1):
        harness.decide(promotion(PromotionItem("x", Money(price), count, None, says), id_=f"p{number}"))
    harness.settle()
    return harness


def buy(harness: EscrowHarness, number: int, nth: int, quantity: int = 1, **options) -> bytes:
    """Place an order whose key falls to this bucket; return its caller."""
    caller = b"%d.%d" % (number, nth)
    harness.place_order(place(key_of(number, 4, nth=nth), ("x", quantity), **options), caller)
    return caller


def prices(harness: EscrowHarness) -> Counter[int]:
    """Return how many portions were confirmed at each price."""
    sold: Counter[int] = Counter()
    for fact in harness.facts:
        if isinstance(fact, OrderConfirmed):
            sold[fact.items[0].unit_price.amount] += fact.items[0].quantity
    return sold


def outcomes_after_cancellation(harness):
    """Cancel the confirmed order, order one portion four times, and return the outcomes."""
    order = next(o for o in harness[ORDERS].values() if o.status == "received")
    harness.decide(CancelOrder(order.restaurant_id, order.order_id, "customer", "c", "c"))
    again = [buy(harness, number, 1) for number in range(4)]
    harness.settle()
    return {harness.outcome(caller) for caller in again}


def test_a_bucket_borrows_before_it_takes_the_next_offer():
    """Portions of the cheapest promotion lie in another bucket: no order pays more while there are any."""
    harness = with_offers((400, 8, "sold_out"), (600, 8, "sold_out"))
    for nth in range(4):
        for number in range(4):
            buy(harness, number, nth)
            harness.settle()
    assert prices(harness) == {400: 8, 600: 8}


@pytest.mark.parametrize("says, sold", [("sold_out", {400: 6}), ("regular_price", {400: 6, 1000: 10})])
def test_what_the_promotion_says_holds_in_every_bucket(says: str, sold: dict[int, int]):
    """Six at 4.00 in all buckets together, then what was said."""
    harness = with_offers((400, 6, says))
    for nth in range(4):
        for number in range(4):
            buy(harness, number, nth)
        harness.settle()
    assert prices(harness) == sold


def test_orders_at_once_pass_no_cheaper_portion_over():
    """All buckets are asked at the same time, with orders of several portions."""
    harness = with_offers((400, 10, "regular_price"), (600, 6, "regular_price"), portions=30)
    for nth in range(5):
        for number in range(4):
            buy(harness, number, nth, 2 if nth % 2 else 1)
    harness.settle()
    assert prices(harness) == {400: 10, 600: 6, 1000: 12}


@pytest.mark.parametrize("expected, outcome", [(600, "confirmed"), (400, "price_changed")])
def test_the_price_that_was_shown_is_compared_with_the_next_offers(expected: int, outcome: str):
    """The menu shows 6.00 once the four at 4.00 are sold, also to a bucket that has not learnt it yet."""
    harness = with_offers((400, 4, "sold_out"), (600, 8, "sold_out"))
    buy(harness, 0, 0, 4)
    harness.settle()
    caller = buy(harness, 2, 0, expected=expected)
    harness.settle()
    assert harness.outcome(caller) == outcome


def test_a_sold_out_promotion_with_a_limit_asks_for_no_customer():
    """Its limit does not hold for the next offer; before it is sold out, the order is refused."""
    harness = one_item()
    harness.decide(promotion(PromotionItem("x", Money(400), 2, 2), id_="p1"))
    harness.decide(promotion(PromotionItem("x", Money(600), 8), id_="p2"))
    harness.settle()
    early = buy(harness, 1, 0)
    harness.settle()
    buy(harness, 0, 0, 2, customer="ana")
    harness.settle()
    late = buy(harness, 1, 1)
    harness.settle()
    assert (harness.outcome(early), harness.outcome(late)) == ("customer_required", "confirmed")
    assert prices(harness) == {400: 2, 600: 1}


def test_a_cancelled_order_brings_the_cheaper_offer_back():
    """At once in its own bucket, in others when what they have learnt is a second old."""
    harness = with_offers((400, 2, "sold_out"), (600, 8, "sold_out"))
    buy(harness, 1, 0, 2)
    harness.settle()
    buy(harness, 2, 0)
    harness.settle()
    order = next(o for o in harness[ORDERS].values() if o.items[0].unit_price == Money(400))
    harness.decide(CancelOrder(order.restaurant_id, order.order_id, "customer", "c", "c"))
    harness.settle()
    harness.now += SOLD_OUT_MS
    buy(harness, 2, 1)
    buy(harness, 1, 1)
    harness.settle()
    assert prices(harness) - Counter({400: 2}) == {400: 2, 600: 1}


def test_more_portions_of_a_promotion_are_sold_at_once():
    """A PUT makes what the buckets have learnt of it void."""
    harness = with_offers((400, 2, "regular_price"))
    buy(harness, 1, 0, 2)
    harness.settle()
    buy(harness, 2, 0)
    harness.settle()
    harness.decide(promotion(PromotionItem("x", Money(400), 4, None, "regular_price"), id_="p1"))
    harness.settle()
    buy(harness, 2, 1)
    harness.settle()
    assert prices(harness) == {400: 3, 1000: 1}


def sold_portions(harness: EscrowHarness) -> int:
    """Return the portions of the item that orders have reserved in all buckets."""
    return sum(
        item.quantity for fact in harness.facts if isinstance(fact, StockReserved) for item in fact.items
    )


@pytest.mark.parametrize("of_promotion", [False, True])
def test_zero_portions_stay_zero_in_every_bucket(of_promotion: bool):
    """Two are ordered in another bucket, the restaurant runs out, the order is cancelled: nothing sells."""
    harness = with_offers((400, 10, "sold_out"), portions=10)
    caller = buy(harness, 2, 0, 2)
    harness.settle()
    assert harness.outcome(caller) == "confirmed"
    zero = promotion(PromotionItem("x", Money(400), 0, None, "sold_out"), id_="p1")
    harness.decide(zero if of_promotion else menu_item("x", 0))
    harness.settle()
    assert outcomes_after_cancellation(harness) == {"out_of_stock"}
    assert sold_portions(harness) == 2


def test_an_unlimited_item_that_runs_out_stays_sold_out():
    """What another bucket sold without a number is not free there when it is released."""
    harness = one_item(portions=None)
    buy(harness, 2, 0, 3)
    harness.settle()
    harness.decide(menu_item("x", 0))
    harness.settle()
    assert outcomes_after_cancellation(harness) == {"out_of_stock"}
    assert sold_portions(harness) == 3


def test_a_release_after_fewer_portions_goes_back_to_the_home():
    """10 offered, 8 sold in another bucket, 5 offered, 4 cancelled: one is left, not four."""
    harness = one_item(portions=10)
    caller = buy(harness, 2, 0, 4)
    buy(harness, 2, 1, 4)
    harness.settle()
    harness.decide(menu_item("x", 5))
    harness.settle()
    order_id = harness.replies[caller][0].answer.order.order_id
    order = next(o for o in harness[ORDERS].values() if o.order_id == order_id)
    harness.decide(CancelOrder(order.restaurant_id, order_id, "customer", "c", "c"))
    harness.settle()
    assert sum(harness.free(bucket, "x") for bucket in harness.buckets) == 1
    assert harness.stock_of(HOME, "x").free <= 1
    assert sum(harness.stock_of(bucket, "x").portions for bucket in harness.buckets) == 5
