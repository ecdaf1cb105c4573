"""Which bucket decides an order, and what it does when it is short of portions.

An idempotency key always falls to the same bucket, whoever uses it, so that a key has one writer
whatever is open. Where another bucket is to decide, the key's bucket passes the order on and
remembers where to. An item with a per-customer limit is decided where the customer's id falls, since
that is where the limit is counted (README, Stock escrow).
"""

from collections.abc import Iterator

from msgspec.structs import replace

from schemas import buckets
from schemas.codec import ReplyAddress
from schemas.commands import PlaceOrder
from schemas.facts import ReservedItem, StockReserved
from streams.domain import ordering, reservation
from streams.domain.decision import Decision, Onward, Policy
from streams.domain.escrow import asking, heat, parking
from streams.domain.escrow.desk import Desk
from streams.domain.state import Change, State
from tables.records import Passed
from tables.registry import PASSED, key

#: How often an order may be passed on; then whoever has it decides it.
MAX_HOPS = 3
#: What only the home knows for certain: another bucket may not have heard of the newest menu.
HOME_KNOWS = {"unknown_restaurant", "unknown_item", "customer_required", "price_changed", "promotion_closed"}


def place(
    state: State, command: PlaceOrder, now: int, policy: Policy, asker: ReplyAddress | None
) -> Decision:
    """Decide, park or pass on one order of a restaurant that may have buckets."""
    me = command.restaurant_id
    entry = state.keys.get(key(me, command.idempotency_key_hash))
    if entry is not None and entry.expires_at > now:
        return ordering.again(state, entry, command.request_fingerprint, me, asker)
    desk = Desk(state, me, now, policy)
    passed = state.passed.get(key(me, command.idempotency_key_hash))
    if passed is not None and command.hops < MAX_HOPS:
        return _pass_on(desk, command, passed.to, asker)
    if buckets.number(me):
        heat.arrive(desk)
    here_before = state.orders.get(key(me, command.order_id)) is not None  # the order of an expired key
    to = me if here_before or command.hops >= MAX_HOPS else _decider(desk, command)
    if to != me:
        return _pass_on(desk, command, to, asker)
    return _decide(desk, command, asker, may_pass=not here_before and command.hops < MAX_HOPS)


def _decide(desk: Desk, command: PlaceOrder, asker: ReplyAddress | None, may_pass: bool) -> Decision:
    if parking.is_claimed(desk, command) and not parking.is_full(desk):
        return _park(desk, command, asker)
    decision = ordering.decide_new(desk.below, command, desk.now, desk.policy, asker)
    outcome = decision.reply.answer.outcome if decision.reply else None
    if outcome == "out_of_stock" and not parking.is_full(desk):
        return _park(desk, command, asker)
    if outcome in HOME_KNOWS and desk.me != desk.home and may_pass:
        return _pass_on(desk, command, desk.home, asker)
    low = [item.sku for item in _reserved(decision) if asking.is_low(desk, item)]
    if not low:
        return desk.beside(decision)
    desk.take_in(decision)
    for sku in low:
        asking.top_up(desk, sku)
    return desk.decision(decision.reply)


def _reserved(decision: Decision) -> Iterator[ReservedItem]:
    for fact in decision.facts:
        if isinstance(fact, StockReserved):
            yield from fact.items


def _park(desk: Desk, command: PlaceOrder, asker: ReplyAddress | None) -> Decision:
    parking.park(desk, command, asker)
    asking.begin(desk)
    return desk.decision()


def _decider(desk: Desk, command: PlaceOrder) -> str:
    """Return the bucket that is to decide; this one where it is as good as any."""
    if not desk.escrow.fresh:
        return desk.home
    if command.customer is not None and _is_limited(desk, command):
        return buckets.bucket(desk.home, buckets.choose(command.customer.id, desk.policy.buckets))
    return desk.me if desk.escrow.open else desk.home


def _is_limited(desk: Desk, command: PlaceOrder) -> bool:
    if reservation.unknown_items(desk.below, desk.me, command.items):
        return False
    return bool(reservation.limited(reservation.quote(desk.below, desk.me, command.items, desk.now)))


def _pass_on(desk: Desk, command: PlaceOrder, to: str, asker: ReplyAddress | None) -> Decision:
    where = key(desk.me, command.idempotency_key_hash)
    if desk.below.passed.get(where) is None:
        desk.note(Change(PASSED, where, Passed(to)))
    desk.send(Onward(replace(command, restaurant_id=to, hops=command.hops + 1), asker))
    return desk.decision()
