"""Place an order: the idempotency key first, then the menu, the window, the limits, the stock."""

from schemas import identity, money
from schemas.codec import ReplyAddress
from schemas.commands import PlaceOrder
from schemas.facts import OrderConfirmed, OrderCreated, OrderFailed, StockReserved
from schemas.instants import to_text
from schemas.orders import Order, Reason, Shortage, order_of
from schemas.payments import PaymentRequest
from schemas.replies import Answer, Reply
from streams.domain import answers, kitchen, reservation
from streams.domain.changes import changed
from streams.domain.decision import Decision, Policy, answer
from streams.domain.order_machine import MACHINE
from streams.domain.reservation import Quote
from streams.domain.state import Change, State
from tables.records import KeyEntry, Kitchen, Waiting
from tables.registry import WAITING, key

#: Paid at the door: confirmed without asking the provider.
CASH = "cash"
#: Most who are answered when an order's payment is decided; those before them have long given up.
MAX_WAITING = 50


def place_order(
    state: State, command: PlaceOrder, now: int, policy: Policy, asker: ReplyAddress | None
) -> Decision:
    """Decide one order; the same key again gets the first answer again, or waits for it too."""
    restaurant_id = command.restaurant_id
    entry = state.keys.get(key(restaurant_id, command.idempotency_key_hash))
    if entry is not None and entry.expires_at > now:
        return again(state, entry, command.request_fingerprint, restaurant_id, asker)
    return decide_new(state, command, now, policy, asker)


def decide_new(
    state: State, command: PlaceOrder, now: int, policy: Policy, asker: ReplyAddress | None
) -> Decision:
    """Decide an order whose key is new."""
    restaurant_id = command.restaurant_id
    if command.forgotten:  # and its key has expired: a new order would need what can be sealed no more
        return answer(Answer("key_reused"))
    if restaurant_id not in state.restaurants:
        return answer(Answer("unknown_restaurant"))
    if unknown := reservation.unknown_items(state, restaurant_id, command.items):
        return answer(Answer("unknown_item", skus=unknown))
    quoted = reservation.quote(state, restaurant_id, command.items, now)
    if command.customer is None and (limited := reservation.limited(quoted)):
        return answer(Answer("customer_required", skus=limited))
    if other_prices := reservation.changed_prices(quoted, command.items):
        closed = reservation.closed_promotions(state, restaurant_id, other_prices, command.items, now)
        return (
            _refuse(state, command, quoted, now, "promotion_closed", closed)
            if closed
            else _refuse(state, command, quoted, now, "price_changed", other_prices)
        )
    if command.customer and (past := reservation.past_limit(state, restaurant_id, quoted, command.customer)):
        return _refuse(state, command, quoted, now, "limit_reached", past)
    if shortages := reservation.shortages(quoted):
        return _refuse(state, command, quoted, now, "out_of_stock", [s.sku for s in shortages], shortages)
    return _reserve(state, command, quoted, now, policy, asker)


def again(
    state: State, entry: KeyEntry, fingerprint: str, restaurant_id: str, asker: ReplyAddress | None
) -> Decision:
    """Decide a request whose key is known."""
    if not identity.is_same_request(entry.request_fingerprint, fingerprint):
        return answer(Answer("key_reused"))
    if entry.answer is not None:
        return Decision(reply=Reply(entry.answer, replayed=True))
    return Decision(notes=_wait(state, restaurant_id, entry.order_id, asker))


def confirm(state: State, order: Order, fingerprint: str, now: int, *, paid: bool) -> OrderConfirmed:
    """Return the fact that the restaurant has the order."""
    queue = state.kitchens.get(order.restaurant_id, Kitchen())
    capacity = state.restaurants[order.restaurant_id].kitchen_capacity
    return OrderConfirmed(
        **changed(
            order,
            now,
            status=MACHINE[("pending", "confirm")],
            eta=kitchen.eta(now, queue.open_orders, capacity, queue.preparations),
            paid=paid,
        ),
        request_fingerprint=fingerprint,
    )


def fail(
    order: Order,
    fingerprint: str,
    now: int,
    reason: Reason,
    skus: list[str],
    shortages: list[Shortage],
) -> OrderFailed:
    """Return the fact that the order will not be confirmed."""
    status = MACHINE[("pending", "refuse")]
    return OrderFailed(
        **changed(order, now, status=status, reason=reason, shortages=shortages),
        request_fingerprint=fingerprint,
        skus=skus,
    )


def _wait(state: State, restaurant_id: str, order_id: str, asker: ReplyAddress | None) -> tuple[Change, ...]:
    if asker is None:
        return ()
    before = state.waiting.get(key(restaurant_id, order_id), Waiting([]))
    askers = [*before.askers, asker][-MAX_WAITING:]
    return (Change(WAITING, key(restaurant_id, order_id), Waiting(askers)),)


def _created(state: State, command: PlaceOrder, quoted: Quote, now: int) -> OrderCreated:
    previous = state.orders.get(key(command.restaurant_id, command.order_id))  # of an expired key
    return OrderCreated(
        order_id=command.order_id,
        restaurant_id=command.restaurant_id,
        status=MACHINE[(None, "place")],
        items=quoted.lines,
        total=money.total([line.unit_price.times(line.quantity) for line in quoted.lines]),
        payment_method=command.payment.method,
        idempotency_key_hash=command.idempotency_key_hash,
        created_at=to_text(now),
        updated_at=to_text(now),
        version=previous.version + 1 if previous else 1,
        customer_id=command.customer.id if command.customer else None,
        request_fingerprint=command.request_fingerprint,
        customer=command.customer,
        occurred_at=to_text(now),
        personal=command.personal,
    )


def _reserve(
    state: State, command: PlaceOrder, quoted: Quote, now: int, policy: Policy, asker: ReplyAddress | None
) -> Decision:
    created = _created(state, command, quoted, now)
    reserved = StockReserved(
        restaurant_id=command.restaurant_id,
        order_id=command.order_id,
        items=reservation.reserve(state, command.restaurant_id, quoted, command.customer),
        occurred_at=created.occurred_at,
    )
    if command.payment.method == CASH:
        confirmed = confirm(state, order_of(created), command.request_fingerprint, now, paid=False)
        return Decision((created, reserved, confirmed), Reply(answers.confirmed(confirmed)))
    request = PaymentRequest(
        restaurant_id=command.restaurant_id,
        order_id=command.order_id,
        kind="authorise",
        amount=created.total,
        method=created.payment_method,
        deadline=now + policy.reservation_seconds * 1000,
    )
    return Decision(
        facts=(created, reserved),
        requests=(request,),
        notes=_wait(state, command.restaurant_id, command.order_id, asker),
    )


def _refuse(
    state: State,
    command: PlaceOrder,
    quoted: Quote,
    now: int,
    reason: Reason,
    skus: list[str],
    shortages: list[Shortage] | None = None,
) -> Decision:
    created = _created(state, command, quoted, now)
    failed = fail(order_of(created), command.request_fingerprint, now, reason, skus, shortages or [])
    return Decision((created, failed), Reply(answers.failed(failed)))
