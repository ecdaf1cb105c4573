"""Place an order. Checked in this order: idempotency key, menu, prices and windows, limits, stock."""

from msgspec import UNSET

from schemas import assurance, identity, money
from schemas.assurance import Assurance
from schemas.codec import ReplyAddress
from schemas.commands import CASH, PlaceOrder
from schemas.facts import OrderConfirmed, OrderCreated, StockReserved
from schemas.orders import CashLimit, LimitReached, Order, Reason, Shortage, order_of
from schemas.payments import PaymentRequest
from schemas.replies import Answer, Reply
from schemas.timestamps import EpochMs, add_seconds, to_text
from streams.domain import cash_holds, eta, idempotency, order_facts, reservation, retention
from streams.domain.decision import Decision, Policy, reply_only
from streams.domain.order_machine import TRANSITIONS
from streams.domain.reservation import Quote
from streams.domain.state import State
from tables.records import Kitchen
from tables.registry import KITCHENS, RESTAURANTS


def place_order(
    state: State, command: PlaceOrder, now: EpochMs, policy: Policy, reply_to: ReplyAddress | None
) -> Decision:
    """Decide an order. A retry with the same key gets the first answer, or waits for the same outcome."""
    replayed = idempotency.replay(state, command, now, reply_to)
    return place_new(state, command, now, policy, reply_to) if replayed is None else replayed


def place_new(
    state: State, command: PlaceOrder, now: EpochMs, policy: Policy, reply_to: ReplyAddress | None
) -> Decision:
    """Decide an order whose key is new; after the key's time, that of an order that is no longer stored."""
    restaurant_id = command.restaurant_id
    if command.forgotten:
        # a new order would need the personal data that can no longer be sealed
        return reply_only(Answer("key_reused"))
    if restaurant_id not in state[RESTAURANTS]:
        return reply_only(Answer("unknown_restaurant"))
    if unknown := reservation.unknown_items(state, restaurant_id, command.items):
        return reply_only(Answer("unknown_item", skus=unknown))
    quote = reservation.make_quote(state, restaurant_id, command.items, now, policy.buckets)
    proved: Assurance = command.customer.assurance if command.customer else "none"
    if missing := reservation.missing_assurance(quote, proved):
        asked = assurance.highest(*missing.values())
        return reply_only(Answer("customer_required", skus=[*missing], required_assurance=asked))
    if repriced := reservation.changed_prices(quote, command.items):
        closed = reservation.closed_promotions(state, restaurant_id, repriced, command.items, now)
        if closed:
            return _refuse(state, command, quote, now, "promotion_closed", closed)
        if not_sold_out := [sku for sku in repriced if quote.offers[sku].available != 0]:
            return _refuse(state, command, quote, now, "price_changed", not_sold_out)
    if command.customer and (
        limits := reservation.limits_reached(state, restaurant_id, quote, command.customer)
    ):
        return _refuse(state, command, quote, now, "limit_reached", [i.sku for i in limits], limits=limits)
    if cash_limits := cash_holds.limits_reached(state, command, quote, policy):
        skus = [limit.sku for limit in cash_limits if limit.sku is not UNSET]
        return _refuse(state, command, quote, now, "cash_limit_reached", skus, cash_limits=cash_limits)
    if shortages := reservation.shortages(quote):
        return _refuse(state, command, quote, now, "out_of_stock", [s.sku for s in shortages], shortages)
    return _reserve(state, command, quote, now, policy, reply_to)


def confirm(
    state: State, order: Order, request_fingerprint: str, now: EpochMs, *, paid: bool
) -> OrderConfirmed:
    """Return the fact that the restaurant has the order, with its ETA by the kitchen's queue."""
    kitchen = state[KITCHENS].get(order.restaurant_id, Kitchen())
    capacity = state[RESTAURANTS][order.restaurant_id].kitchen_capacity
    return order_facts.confirmed(
        order,
        now,
        eta=eta.estimate(now, kitchen.open_orders, capacity, kitchen.preparations),
        paid=paid,
        request_fingerprint=request_fingerprint,
    )


def _created(state: State, command: PlaceOrder, quote: Quote, now: EpochMs) -> OrderCreated:
    created_at = to_text(now)
    return OrderCreated(
        order_id=command.order_id,
        restaurant_id=command.restaurant_id,
        status=TRANSITIONS[(None, "place")],
        items=quote.lines,
        total=money.total([line.unit_price.times(line.quantity) for line in quote.lines]),
        payment_method=command.payment.method,
        idempotency_key_hash=command.idempotency_key_hash,
        created_at=created_at,
        updated_at=created_at,
        version=retention.first_version(state, command.restaurant_id),
        customer_id=command.customer.id if command.customer else None,
        is_counted=command.customer is not None,
        cash_client=command.client if command.payment.method == CASH else UNSET,
        request_fingerprint=command.request_fingerprint,
        customer=command.customer,
        occurred_at=created_at,
        personal=command.personal,
        payment_id=identity.payment_id(command.order_id, created_at),
        holder=identity.holder(command.request_fingerprint),
    )


def _reserve(
    state: State,
    command: PlaceOrder,
    quote: Quote,
    now: EpochMs,
    policy: Policy,
    reply_to: ReplyAddress | None,
) -> Decision:
    created = _created(state, command, quote, now)
    reserved = StockReserved(
        restaurant_id=command.restaurant_id,
        order_id=command.order_id,
        items=reservation.reserve(state, command.restaurant_id, quote, command.customer),
        occurred_at=created.occurred_at,
    )
    if command.payment.method == CASH or not created.total.amount:  # nothing to authorise
        confirmed = confirm(state, order_of(created), command.request_fingerprint, now, paid=False)
        return Decision((created, reserved, confirmed), Reply(order_facts.answer_of(confirmed)))
    request = PaymentRequest(
        restaurant_id=command.restaurant_id,
        order_id=command.order_id,
        kind="authorise",
        amount=created.total,
        method=created.payment_method,
        deadline=add_seconds(now, policy.reservation_seconds),
        payment_id=created.payment_id,
    )
    return Decision(
        facts=(created, reserved),
        payment_requests=(request,),
        state_changes=idempotency.add_pending_reply(state, command.restaurant_id, command.order_id, reply_to),
    )


def _refuse(
    state: State,
    command: PlaceOrder,
    quote: Quote,
    now: EpochMs,
    reason: Reason,
    skus: list[str],
    shortages: list[Shortage] | None = None,
    limits: list[LimitReached] | None = None,
    cash_limits: list[CashLimit] | None = None,
) -> Decision:
    created = _created(state, command, quote, now)
    failed = order_facts.failed(
        order_of(created),
        now,
        reason,
        skus=skus,
        shortages=shortages or [],
        request_fingerprint=command.request_fingerprint,
        limits=limits or [],
        cash_limits=cash_limits or [],
    )
    return Decision((created, failed), Reply(order_facts.answer_of(failed)))
