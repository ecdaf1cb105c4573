"""Place an order: the idempotency key first, then the menu, the window, the limits, the stock."""

from schemas import money
from schemas.commands import PlaceOrder
from schemas.facts import OrderConfirmed, OrderCreated, OrderFailed, StockReserved
from schemas.instants import to_text
from schemas.orders import FailureReason, Shortage
from schemas.replies import Answer, Reply
from streams.domain import answers, kitchen, reservation
from streams.domain.decision import Decision, refuse
from streams.domain.reservation import Quote
from streams.domain.state import State
from tables.records import Kitchen
from tables.registry import key


def place_order(state: State, command: PlaceOrder, now: int) -> Decision:
    """Decide one order; the same key again gets the first answer again."""
    restaurant_id = command.restaurant_id
    entry = state.keys.get(key(restaurant_id, command.idempotency_key_hash))
    if entry is not None and entry.expires_at > now:
        if entry.request_fingerprint != command.request_fingerprint:
            return refuse(Answer("key_reused"))
        return Decision(reply=Reply(entry.answer, replayed=True))
    if restaurant_id not in state.restaurants:
        return refuse(Answer("unknown_restaurant"))
    if unknown := reservation.unknown_items(state, restaurant_id, command.items):
        return refuse(Answer("unknown_item", skus=unknown))
    quoted = reservation.quote(state, restaurant_id, command.items, now)
    if command.customer is None and (limited := reservation.limited(quoted)):
        return refuse(Answer("customer_required", skus=limited))
    if changed := reservation.changed_prices(quoted, command.items):
        closed = reservation.closed_promotions(state, restaurant_id, changed, command.items, now)
        return (
            _fail(state, command, quoted, now, "promotion_closed", closed)
            if closed
            else _fail(state, command, quoted, now, "price_changed", changed)
        )
    if command.customer and (past := reservation.past_limit(state, restaurant_id, quoted, command.customer)):
        return _fail(state, command, quoted, now, "limit_reached", past)
    if shortages := reservation.shortages(quoted):
        return _fail(state, command, quoted, now, "out_of_stock", [s.sku for s in shortages], shortages)
    return _confirm(state, command, quoted, now)


def _created(state: State, command: PlaceOrder, quoted: Quote, now: int) -> OrderCreated:
    previous = state.orders.get(key(command.restaurant_id, command.order_id))  # of an expired key
    return OrderCreated(
        order_id=command.order_id,
        restaurant_id=command.restaurant_id,
        items=quoted.lines,
        total=money.total([line.unit_price.times(line.quantity) for line in quoted.lines]),
        payment_method=command.payment.method,
        idempotency_key_hash=command.idempotency_key_hash,
        request_fingerprint=command.request_fingerprint,
        delivery_address=command.delivery_address,
        customer=command.customer,
        occurred_at=to_text(now),
        version=previous.version + 1 if previous else 1,
    )


def _confirm(state: State, command: PlaceOrder, quoted: Quote, now: int) -> Decision:
    created = _created(state, command, quoted, now)
    restaurant = state.restaurants[command.restaurant_id]
    queue = state.kitchens.get(command.restaurant_id, Kitchen())
    reserved = StockReserved(
        restaurant_id=command.restaurant_id,
        order_id=command.order_id,
        items=reservation.reserve(state, command.restaurant_id, quoted, command.customer),
        occurred_at=created.occurred_at,
    )
    confirmed = OrderConfirmed(
        order_id=command.order_id,
        restaurant_id=command.restaurant_id,
        items=created.items,
        total=created.total,
        payment_method=created.payment_method,
        idempotency_key_hash=created.idempotency_key_hash,
        request_fingerprint=created.request_fingerprint,
        eta=kitchen.eta(now, queue.open_orders, restaurant.kitchen_capacity),
        created_at=created.occurred_at,
        occurred_at=created.occurred_at,
        version=created.version + 1,
    )
    return Decision((created, reserved, confirmed), Reply(answers.confirmed(confirmed)))


def _fail(
    state: State,
    command: PlaceOrder,
    quoted: Quote,
    now: int,
    reason: FailureReason,
    skus: list[str],
    shortages: list[Shortage] | None = None,
) -> Decision:
    created = _created(state, command, quoted, now)
    failed = OrderFailed(
        order_id=command.order_id,
        restaurant_id=command.restaurant_id,
        items=created.items,
        total=created.total,
        payment_method=created.payment_method,
        idempotency_key_hash=created.idempotency_key_hash,
        request_fingerprint=created.request_fingerprint,
        reason=reason,
        skus=skus,
        shortages=shortages or [],
        created_at=created.occurred_at,
        occurred_at=created.occurred_at,
        version=created.version + 1,
    )
    return Decision((created, failed), Reply(answers.failed(failed)))
