"""Which bucket decides an order, and what it does when it has too few portions (README, R1-R3).

An idempotency key always falls to the same bucket, so a key has one writer, whatever is open. If another
bucket is to decide, the key's bucket forwards the order and stores where to. An item with a per-customer limit
is decided by the bucket of the customer's id, which counts the limit; one with a limit of cash portions by the home.
"""

from collections.abc import Iterator

from msgspec import UNSET
from msgspec.structs import replace

from schemas import buckets
from schemas.codec import ReplyAddress
from schemas.commands import CASH, PlaceOrder, PromotionItem
from schemas.facts import ReservedItem, StockReserved
from schemas.timestamps import EpochMs
from streams.domain import idempotency, place_order, reservation
from streams.domain.decision import Decision, ForwardedCommand, Policy
from streams.domain.escrow import activation, borrowing, waitlist
from streams.domain.escrow.unit_of_work import UnitOfWork
from streams.domain.state import Change, State
from tables.records import RoutedKey
from tables.registry import PROMOTIONS, ROUTED_KEYS, STOCKS, key

#: How often an order is forwarded at most; then the bucket that has it decides it.
MAX_HOPS = 3
#: Outcomes that only the home knows for certain: another bucket may not have the newest menu yet.
HOME_OUTCOMES = {
    "unknown_restaurant",
    "unknown_item",
    "customer_required",
    "price_changed",
    "promotion_closed",
}

#: Outcomes that may be another's once it is certain that the item's promotion is sold out.
OFFER_OUTCOMES = {"customer_required", "limit_reached", "cash_limit_reached"}


def place_in_bucket(
    state: State, command: PlaceOrder, now: EpochMs, policy: Policy, reply_to: ReplyAddress | None
) -> Decision:
    """Decide an order, let it wait for portions, or forward it."""
    bucket = command.restaurant_id
    if (replayed := idempotency.replay(state, command, now, reply_to)) is not None:
        return replayed
    work = UnitOfWork(state, bucket, now, policy)
    may_forward = command.hops < MAX_HOPS
    routed = state[ROUTED_KEYS].get(key(bucket, command.idempotency_key_hash))
    if routed is not None and may_forward:
        return _forward(work, command, routed.bucket, reply_to)
    if buckets.number(bucket):
        activation.record_arrival(work)
    decider = _deciding_bucket(work, command) if may_forward else bucket
    if decider != bucket:
        return _forward(work, command, decider, reply_to)
    return _decide(work, command, reply_to, may_forward=may_forward)


def _decide(
    work: UnitOfWork, command: PlaceOrder, reply_to: ReplyAddress | None, *, may_forward: bool
) -> Decision:
    if waitlist.has_earlier_claims(work, command) and not waitlist.is_full(work):
        return _wait(work, command, reply_to)
    decision = place_order.place_new(work.base, command, work.now, work.policy, reply_to)
    outcome = decision.reply.answer.outcome if decision.reply else None
    lacks_portions = outcome == "out_of_stock" or (
        outcome in OFFER_OUTCOMES and waitlist.lacks_an_item(work, command)
    )
    if lacks_portions and not waitlist.is_full(work):
        return _wait(work, command, reply_to)
    if outcome in HOME_OUTCOMES and work.bucket != work.home and may_forward:
        return _forward(work, command, work.home, reply_to)
    low = [item.sku for item in _reserved_items(decision) if borrowing.is_low(work, item)]
    if not low:
        return work.with_bucket_record(decision)
    reply = work.merge(decision)
    for sku in low:
        borrowing.top_up(work, sku)
    return work.decision(reply)


def _reserved_items(decision: Decision) -> Iterator[ReservedItem]:
    for fact in decision.facts:
        if isinstance(fact, StockReserved):
            yield from fact.items


def _wait(work: UnitOfWork, command: PlaceOrder, reply_to: ReplyAddress | None) -> Decision:
    waitlist.enqueue(work, command, reply_to)
    borrowing.start_round(work)
    return work.decision()


def _deciding_bucket(work: UnitOfWork, command: PlaceOrder) -> str:
    """Return the bucket that is to decide an order of this bucket's key."""
    if not work.escrow.created_with_buckets:
        return work.home
    offers = list(_possible_offers(work, command))
    is_limited = command.customer is not None and any(offer.per_customer_limit for offer in offers)
    if (is_limited or command.payment.method == CASH) and any(o.cash_portions is not UNSET for o in offers):
        return work.home
    if command.customer is not None and is_limited:
        return buckets.bucket(work.home, buckets.choose(command.customer.id, work.policy.buckets))
    return work.bucket if work.escrow.is_open else work.home


def _possible_offers(work: UnitOfWork, command: PlaceOrder) -> Iterator[PromotionItem]:
    """Yield the items of the open promotions that may apply to the order; none if it has an unknown item."""
    if reservation.unknown_items(work.base, work.bucket, command.items):
        return
    for line in command.items:
        for promotion_id in work.base[STOCKS][key(work.bucket, line.sku)].allotments:
            promotion = work.base[PROMOTIONS].get(key(work.bucket, promotion_id))
            if promotion and promotion.is_open(work.now) and (item := promotion.item(line.sku)):
                yield item


def _forward(work: UnitOfWork, command: PlaceOrder, to: str, reply_to: ReplyAddress | None) -> Decision:
    idempotency_key = key(work.bucket, command.idempotency_key_hash)
    if idempotency_key not in work.base[ROUTED_KEYS]:
        work.change_state(Change(ROUTED_KEYS, idempotency_key, RoutedKey(to)))
    forwarded = replace(command, restaurant_id=to, hops=command.hops + 1)
    work.send(ForwardedCommand(forwarded, reply_to))
    return work.decision()
