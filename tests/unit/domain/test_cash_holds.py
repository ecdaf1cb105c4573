"""Open cash orders are counted exactly, and limited by customer, by address, and by promotion."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET
from msgspec.structs import replace

from schemas.commands import AdvanceOrder, CancelOrder, Portions, PromotionItem
from schemas.identity import order_id
from schemas.money import Money
from schemas.orders import CashLimit
from schemas.replies import Answer
from streams.domain.decision import Policy
from tables.registry import CASH_HOLDS, ORDERS, key
from tests.support.domain.harness import RESERVATION, TTL, DomainHarness, place, promotion

POLICY = Policy(
    TTL, RESERVATION, cash_orders_per_customer=2, cash_orders_per_address=3, cash_order_portions=5
)
OPEN = ("received", "preparing")


def opened(cash_portions: Portions = UNSET, policy: Policy = POLICY) -> DomainHarness:
    """Return a restaurant with an open promotion of x."""
    domain = DomainHarness(policy=policy).open(x=100, y=100)
    domain.do(promotion(PromotionItem("x", Money(500), 50, cash_portions=cash_portions)))
    return domain


def order(
    domain: DomainHarness,
    name: str,
    *lines: tuple[str, int],
    customer: str | None = None,
    client: str = "",
    method: str = "cash",
) -> Answer | None:
    """Place an order; return the answer, None while it waits for its payment."""
    command = place(name, *(lines or [("y", 1)]), customer=customer, method=method)
    reply = domain.do(replace(command, client=client))
    return reply.answer if reply else None


def advance(domain: DomainHarness, name: str, *statuses: str) -> None:
    """Move an order on."""
    for status in statuses:
        domain.do(AdvanceOrder("r1", order_id("r1", name), status))


def cancel(domain: DomainHarness, name: str) -> None:
    """Cancel the order of a key, if that is still possible."""
    domain.do(CancelOrder("r1", order_id("r1", name), "customer", f"cancel {name}", "c"))


def test_one_customer_has_only_so_many_open_cash_orders():
    """The refusal says the limit; Pix is not limited, and no other customer is affected."""
    domain = opened()
    for name in "ab":
        assert order(domain, name, customer="ana").outcome == "confirmed"
    refused = order(domain, "c", customer="ana")
    assert refused.outcome == "cash_limit_reached" and refused.cash_limits == [CashLimit("customer", 2, 0)]
    assert (
        refused.order.reason == "cash_limit_reached" and domain.facts[-1].cash_limits == refused.cash_limits
    )
    assert order(domain, "d", customer="ana", method="pix") is None
    assert order(domain, "e", customer="bia").outcome == "confirmed"


def test_one_address_has_only_so_many_whatever_its_customers_are():
    """A thousand identities share what one address may have; another address has its own."""
    domain = opened()
    answers = [order(domain, f"k{i}", customer=f"c{i}", client="one").outcome for i in range(10)]
    assert answers == ["confirmed"] * 3 + ["cash_limit_reached"] * 7
    assert order(domain, "other", customer="ana", client="other").outcome == "confirmed"
    assert order(domain, "unknown", customer="bia").outcome == "confirmed"


def test_one_cash_order_has_only_so_many_portions():
    """Of all lines together."""
    domain = opened()
    assert order(domain, "a", ("x", 3), ("y", 2), ("x", 1)).cash_limits == [CashLimit("order", 5, 5)]
    assert order(domain, "b", ("x", 3), ("y", 2)).outcome == "confirmed"


def test_a_promotion_gives_cash_orders_only_its_cash_portions():
    """What is left is said; portions outside of the promotion are not counted, nor those that are paid."""
    domain = opened(cash_portions=3)
    assert order(domain, "p", ("x", 5), method="pix") is None
    assert order(domain, "a", ("x", 2), ("y", 3)).outcome == "confirmed"
    refused = order(domain, "b", ("x", 2))
    assert refused.cash_limits == [CashLimit("promotion", 3, 1, "x")] and refused.skus == ["x"]
    assert order(domain, "c", ("x", 1)).outcome == "confirmed"


def test_portions_count_that_were_ordered_before_the_limit():
    """A promotion gets `cash_portions` while cash orders are open."""
    domain = opened()
    order(domain, "a", ("x", 4))
    domain.do(promotion(PromotionItem("x", Money(500), 50, cash_portions=3)))
    assert order(domain, "b", ("x", 1)).cash_limits == [CashLimit("promotion", 3, 0, "x")]


@pytest.mark.parametrize("end", ["out_for_delivery", "cancel", "timeout"])
def test_a_hold_ends_with_the_order_or_its_delivery(end: str):
    """Once the restaurant has sent it out, cancelled it, or let its time pass; the rows are gone."""
    domain = opened(cash_portions=3)
    order(domain, "a", ("x", 3), customer="ana", client="one")
    match end:
        case "out_for_delivery":
            advance(domain, "a", "preparing")
            assert order(domain, "b", ("x", 1)).outcome == "cash_limit_reached"
            advance(domain, "a", "out_for_delivery", "delivered")
        case "cancel":
            cancel(domain, "a")
        case "timeout":
            domain.advance_time(1801)
    assert not domain[CASH_HOLDS]
    assert order(domain, "c", ("x", 3), customer="ana", client="one").outcome == "confirmed"


def test_an_order_of_the_previous_release_takes_nothing_back():
    """It was not counted, so its end leaves the counts of others as they are."""
    domain = opened()
    order(domain, "a", customer="ana")
    order(domain, "b", customer="ana")
    stored = key("r1", order_id("r1", "a"))
    domain[ORDERS][stored] = replace(domain[ORDERS][stored], cash_client=UNSET)
    cancel(domain, "a")
    assert domain[CASH_HOLDS][key("r1", "customer", "ana")].count == 2


def test_without_limits_there_is_none():
    """0 means no limit, and the counts go on."""
    domain = opened(policy=Policy(TTL, RESERVATION))
    for i in range(20):
        assert order(domain, f"k{i}", ("y", 50 // 10), customer="ana", client="one").outcome == "confirmed"
    assert domain[CASH_HOLDS][key("r1", "address", "one")].count == 20


@pytest.mark.parametrize(
    "portions, cash_portions, expected",
    [(10, 11, 10), (None, 101, 100), (10, 10, None), (None, 100, None), (10, 0, None)],
)
def test_cash_portions_are_within_those_of_the_promotion(
    portions: int | None, cash_portions: int, expected: int | None
):
    """Or within the item's, if the promotion has no portions of its own."""
    domain = DomainHarness().open(x=100)
    reply = domain.do(
        promotion(PromotionItem("x", Money(500), portions, cash_portions=cash_portions), id_="p2")
    )
    faults = [(fault.pointer, fault.kind, fault.expected) for fault in reply.answer.faults]
    assert faults == ([("/items/0/cash_portions", "too_many_portions", expected)] if expected else [])


steps = st.lists(
    st.one_of(
        st.tuples(
            st.just("order"),
            st.tuples(
                st.integers(0, 14),
                st.lists(st.tuples(st.sampled_from("xy"), st.integers(1, 3)), min_size=1, max_size=3),
                st.sampled_from([None, "ana", "bia"]),
                st.sampled_from(["", "one", "two"]),
                st.sampled_from(["cash", "cash", "cash", "pix"]),
            ),
        ),
        st.tuples(
            st.sampled_from(["preparing", "out_for_delivery", "delivered", "cancel"]), st.integers(0, 14)
        ),
        st.tuples(st.just("limit"), st.sampled_from([UNSET, 0, 2, 4])),
        st.tuples(st.just("time"), st.sampled_from([1, RESERVATION, 1801, TTL])),
    ),
    max_size=40,
)


@settings(max_examples=300, deadline=None)
@given(steps)
def test_counts_are_the_open_cash_orders_after_every_step(history):
    """None is negative or kept at nothing, and no confirmed order passes a limit; also after a key's time is over."""
    domain, cash_portions = opened(), UNSET
    for what, value in history:
        match what:
            case "order":
                number, lines, customer, client, method = value
                seen = len(domain.facts)
                answer = order(domain, f"k{number}", *lines, customer=customer, client=client, method=method)
                is_new = len(domain.facts) > seen
                if method == "cash" and answer and answer.outcome == "confirmed" and is_new:
                    check_limits(domain, customer, client, cash_portions)
            case "limit":
                cash_portions = value
                domain.do(promotion(PromotionItem("x", Money(500), 50, cash_portions=value)))
            case "time":
                domain.advance_time(value)
            case "cancel":
                cancel(domain, f"k{value}")
            case status:
                advance(domain, f"k{value}", status)
        assert {hold: record.count for hold, record in domain[CASH_HOLDS].items()} == open_holds(domain)


def check_limits(domain: DomainHarness, customer: str | None, client: str, cash_portions: Portions) -> None:
    """Check what is open after a cash order was confirmed."""
    holds = open_holds(domain)
    assert holds.get(key("r1", "customer", customer or ""), 0) <= POLICY.cash_orders_per_customer
    assert holds.get(key("r1", "address", client), 0) <= POLICY.cash_orders_per_address
    ordered = [line for fact in domain.facts[-1:] for line in fact.items if line.promotion_id]
    if cash_portions is not UNSET and ordered:
        assert holds[key("r1", "promotion", "p1", "x")] <= cash_portions


def open_holds(domain: DomainHarness) -> dict[str, int]:
    """Return the counts as the orders have them."""
    holds: Counter[str] = Counter()
    for found in domain[ORDERS].values():
        if found.payment_method != "cash" or found.status not in OPEN:
            continue
        if found.customer_id:
            holds[key("r1", "customer", found.customer_id)] += 1
        if found.cash_client:
            holds[key("r1", "address", found.cash_client)] += 1
        for line in found.items:
            if line.promotion_id:
                holds[key("r1", "promotion", line.promotion_id, line.sku)] += line.quantity
    return dict(holds)
