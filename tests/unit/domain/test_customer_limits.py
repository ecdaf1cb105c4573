"""A limit counts all that a customer has ordered in a promotion, however often the promotion was changed."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas.commands import AdvanceOrder, CancelOrder, PromotionItem
from schemas.identity import order_id
from schemas.money import Money
from schemas.orders import LimitReached
from tables.registry import CUSTOMER_USAGE, ORDERS, key
from tests.support.domain.harness import DomainHarness, promotion

X = key("r1", "p1", "ana")


def limited(limit: int | None, portions: int | None = None, sku: str = "x") -> PromotionItem:
    """Return an item of a promotion with this limit."""
    return PromotionItem(sku, Money(500), portions, limit)


def domain(limit: int | None) -> DomainHarness:
    """Return a restaurant with an open promotion."""
    opened = DomainHarness().open(x=50, y=50)
    opened.do(promotion(limited(limit)))
    return opened


def cancel(opened: DomainHarness, name: str) -> None:
    """Cancel the order of a key."""
    reply = opened.do(CancelOrder("r1", order_id("r1", name), "customer", f"cancel {name}", "c"))
    assert reply and reply.answer.outcome == "cancelled"


def test_what_was_ordered_without_a_limit_counts_once_there_is_one():
    """Four ordered without a limit, then a limit of 2: no more."""
    opened = domain(None)
    opened.place("a", ("x", 4), customer="ana")
    opened.do(promotion(limited(2)))
    answer = opened.place("b", ("x", 1), customer="ana").answer
    assert (answer.outcome, answer.limits) == ("limit_reached", [LimitReached("x", 2, 0)])


def test_a_cancellation_takes_down_only_what_was_counted():
    """Five without a limit, two more cannot be had by cancelling the five."""
    opened = domain(None)
    opened.place("a", ("x", 5), customer="ana")
    opened.do(promotion(limited(7)))
    assert opened.place("b", ("x", 2), customer="ana").answer.outcome == "confirmed"
    assert opened.place("c", ("x", 1), customer="ana").answer.outcome == "limit_reached"
    cancel(opened, "a")
    assert opened.place("d", ("x", 6), customer="ana").answer.outcome == "limit_reached"
    assert opened.place("e", ("x", 5), customer="ana").answer.outcome == "confirmed"


def test_an_order_of_the_previous_release_takes_nothing_down():
    """Its reservation does not show whether they were counted, so they still count."""
    opened = domain(2)
    opened.place("a", ("x", 2), customer="ana")
    stored = key("r1", order_id("r1", "a"))
    opened[ORDERS][stored] = replace(opened[ORDERS][stored], is_counted=False)
    cancel(opened, "a")
    assert opened[CUSTOMER_USAGE][X].portions == {"x": 2}
    assert opened.place("b", ("x", 1), customer="ana").answer.outcome == "limit_reached"


@pytest.mark.parametrize("ordered, limit, left", [(1, 3, 2), (3, 3, 0), (2, 1, 0)])
def test_a_refusal_says_the_limit_and_what_is_left(ordered: int, limit: int, left: int):
    """Never less than nothing, and the same again on a retry."""
    opened = domain(None)
    opened.place("a", ("x", ordered), customer="ana")
    opened.do(promotion(limited(limit)))
    first = opened.place("b", ("x", left + 1), customer="ana")
    assert first.answer.limits == [LimitReached("x", limit, left)]
    again = opened.place("b", ("x", left + 1), customer="ana")
    assert again.replayed and again.answer == first.answer


def test_a_promotion_that_comes_back_to_an_item_counts_on():
    """The restaurant takes the item out of the promotion, and puts it in again."""
    opened = domain(2)
    opened.place("a", ("x", 2), customer="ana")
    opened.do(promotion(limited(2, sku="y")))
    opened.do(promotion(limited(2), limited(2, sku="y")))
    assert opened.place("b", ("x", 1), customer="ana").answer.outcome == "limit_reached"
    assert opened.place("c", ("y", 2), customer="ana").answer.outcome == "confirmed"


def test_an_order_outside_of_promotions_is_not_counted():
    """Only the promotion has a limit."""
    opened = DomainHarness().open(x=50)
    opened.place("a", ("x", 9), customer="ana")
    opened.do(promotion(limited(2)))
    assert opened.place("b", ("x", 2), customer="ana").answer.outcome == "confirmed"
    cancel(opened, "a")
    assert opened.place("c", ("x", 1), customer="ana").answer.outcome == "limit_reached"


steps = st.lists(
    st.one_of(
        st.tuples(st.just("order"), st.integers(1, 3)),
        st.tuples(st.just("cancel"), st.integers(0, 9)),
        st.tuples(st.just("prepare"), st.integers(0, 9)),
        st.tuples(st.just("limit"), st.sampled_from([None, 1, 2, 4])),
        st.tuples(st.just("item"), st.booleans()),
    ),
    max_size=25,
)


@settings(max_examples=200, deadline=None)
@given(steps)
def test_the_count_is_what_stands_of_a_customers_orders(history):
    """Orders that were cancelled in preparation still count; no limit is passed when an order is confirmed."""
    opened = domain(None)
    limit, placed = None, 0
    for what, value in history:
        match what:
            case "limit":
                limit = value
                opened.do(promotion(limited(limit)))
            case "item":
                opened.do(promotion(limited(limit, sku="x" if value else "y")))
            case "order":
                before = standing(opened)
                placed += 1
                answer = opened.place(f"k{placed}", ("x", value), customer="ana").answer
                promoted = answer.order and answer.order.items[0].promotion_id
                if answer.outcome == "confirmed" and promoted and limit:
                    assert before + value <= limit
            case "prepare" if placed:
                opened.do(AdvanceOrder("r1", order_id("r1", f"k{1 + value % placed}"), "preparing"))
            case "cancel" if placed:
                name = f"k{1 + value % placed}"
                opened.do(CancelOrder("r1", order_id("r1", name), "customer", f"cancel {name}", "c"))
        usage = opened[CUSTOMER_USAGE].get(X)
        assert (usage.portions.get("x", 0) if usage else 0) == standing(opened)


def standing(opened: DomainHarness) -> int:
    """Return the portions of the promotion in the orders that are not cancelled."""
    return sum(
        line.quantity
        for order in opened[ORDERS].values()
        if order.status != "cancelled"
        for line in order.items
        if line.promotion_id == "p1"
    )
