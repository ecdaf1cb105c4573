"""Open cash orders hold portions without money: counted by customer, address and promotion, and limited.

A cash order is open while it is in the kitchen's queue. There the preparation timeout ends it, so every hold ends by
itself. After that the restaurant has sent it out: it trusts the customer, and no timer would end the hold.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Final, Literal

from msgspec import UNSET

from schemas.commands import CASH, PlaceOrder
from schemas.orders import CashLimit, Order
from streams.domain.decision import Policy
from streams.domain.order_machine import IN_KITCHEN_QUEUE
from streams.domain.reservation import Quote
from streams.domain.state import Change, State
from tables.records import CashHold
from tables.registry import CASH_HOLDS, key

#: What a row of the table counts: open orders of a customer, of an address, portions of a promotion's item.
CUSTOMER: Final = "customer"
ADDRESS: Final = "address"
PROMOTION: Final = "promotion"


def changes(state: State, before: Order | None, after: Order) -> Iterator[Change[CashHold]]:
    """Return what a change of an order does to the counts: an order that opens adds, one that ends takes it back."""
    deltas = _holds(after)
    deltas.subtract(_holds(before) if before else ())
    for hold, delta in deltas.items():
        if delta:
            count = _count(state, hold) + delta
            yield Change(CASH_HOLDS, hold, CashHold(count) if count else None)


def limits_reached(state: State, command: PlaceOrder, quote: Quote, policy: Policy) -> list[CashLimit]:
    """Return the limits that the order would pass if it is paid in cash, with what is left of each."""
    if command.payment.method != CASH:
        return []
    return [*_order_limits(state, command, quote, policy), *_promotion_limits(state, command, quote)]


def _order_limits(state: State, command: PlaceOrder, quote: Quote, policy: Policy) -> Iterator[CashLimit]:
    limit = policy.cash_order_portions
    if limit and sum(quote.quantities.values()) > limit:
        yield CashLimit("order", limit, limit)
    customer_id = command.customer.id if command.customer else ""
    counted: list[tuple[Literal["customer", "address"], str, int]] = [
        (CUSTOMER, customer_id, policy.cash_orders_per_customer),
        (ADDRESS, command.client, policy.cash_orders_per_address),
    ]
    for scope, subject, limit in counted:
        if limit and subject and _count(state, key(command.restaurant_id, scope, subject)) >= limit:
            yield CashLimit(scope, limit, 0)


def _promotion_limits(state: State, command: PlaceOrder, quote: Quote) -> Iterator[CashLimit]:
    for sku, quantity in quote.quantities.items():
        promotion, item = quote.offers[sku].promotion, quote.offers[sku].promotion_item
        if promotion is None or item is None or item.cash_portions is UNSET:
            continue
        held = _count(state, key(command.restaurant_id, PROMOTION, promotion.promotion_id, sku))
        left = max(0, item.cash_portions - held)
        if quantity > left:
            yield CashLimit("promotion", item.cash_portions, left, sku)


def _count(state: State, hold: str) -> int:
    record = state[CASH_HOLDS].get(hold)
    return record.count if record else 0


def _holds(order: Order) -> Counter[str]:
    """Return what an order holds, by key of the table.

    Portions of a promotion without a limit count as well: it may get one.
    """
    holds: Counter[str] = Counter()
    if order.cash_client is UNSET or order.status not in IN_KITCHEN_QUEUE:
        return holds
    if order.customer_id is not None:
        holds[key(order.restaurant_id, CUSTOMER, order.customer_id)] = 1
    if order.cash_client:
        holds[key(order.restaurant_id, ADDRESS, order.cash_client)] = 1
    for line in order.items:
        if line.promotion_id is not None:
            holds[key(order.restaurant_id, PROMOTION, line.promotion_id, line.sku)] += line.quantity
    return holds
