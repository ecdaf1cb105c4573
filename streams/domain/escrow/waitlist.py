"""Orders that wait for portions: numbered, served as soon as they can be, oldest first (README, S1)."""

from collections import Counter
from collections.abc import Callable, Iterator

from msgspec.structs import replace

from schemas.codec import ReplyAddress
from schemas.commands import PlaceOrder
from schemas.timestamps import EpochMs, add_seconds
from streams.domain import idempotency, payments, place_order, reservation
from streams.domain.decision import Decision
from streams.domain.escrow import pools
from streams.domain.escrow.unit_of_work import UnitOfWork
from streams.domain.reservation import total_quantities
from streams.domain.state import Change
from tables.records import PendingReplies, WaitlistedOrder
from tables.registry import IDEMPOTENCY_KEYS, ITEMS, PENDING_REPLIES, WAITLIST, key

#: Orders that wait in one bucket at most; the next one is refused at once.
MAX_WAITING_ORDERS = 500


def has_earlier_claims(work: UnitOfWork, command: PlaceOrder) -> bool:
    """Return True if this order would leave too few portions for orders that wait already: then it waits too."""
    claims = work.escrow.claims
    if not claims or reservation.unknown_items(work.state, work.bucket, command.items):
        return False
    return any(
        (free := _free_portions(work, sku)) is not None and free - claims[sku] < quantity
        for sku, quantity in total_quantities(command.items).items()
        if claims.get(sku)
    )


def lacks_an_item(work: UnitOfWork, command: PlaceOrder) -> bool:
    """Return True if nothing is left here of an item of the order, so that another offer of it may apply (N1)."""
    return any(_free_portions(work, line.sku) == 0 for line in command.items)


def is_full(work: UnitOfWork) -> bool:
    """Return True if no more orders can wait."""
    return work.escrow.tail - work.escrow.head >= MAX_WAITING_ORDERS


def enqueue(work: UnitOfWork, command: PlaceOrder, reply_to: ReplyAddress | None) -> None:
    """Add an order, and store its key without an answer: retries wait for the same outcome."""
    escrow = work.escrow
    expires_at = add_seconds(work.now, work.policy.idempotency_ttl_seconds)
    work.change_state(Change(WAITLIST, _row_key(work, escrow.tail), WaitlistedOrder(command, work.now)))
    work.change_state(idempotency.store_key(command, None, expires_at))
    work.change_state(idempotency.key_timer(command, expires_at))
    if reply_to is not None:
        pending = PendingReplies([reply_to])
        work.change_state(Change(PENDING_REPLIES, key(work.bucket, command.order_id), pending))
    claims = Counter(escrow.claims) + total_quantities(command.items)
    work.update(tail=escrow.tail + 1, claims=dict(claims))


def claims_before(work: UnitOfWork, since: EpochMs, borrower: str) -> Counter[str]:
    """Return the portions, by sku, of the orders here that have waited longer than the borrower's oldest order.

    Orders of the same instant are ordered by the names of their buckets (README, L1).
    """
    needed: Counter[str] = Counter()
    for _, order in _entries(work):
        if (order.since, work.bucket) >= (since, borrower):
            break
        needed += total_quantities(order.command.items)
    return needed


def oldest_since(work: UnitOfWork) -> EpochMs:
    """Return since when the oldest order waits; now, if none does."""
    return next((order.since for _, order in _entries(work)), work.now)


def serve(
    work: UnitOfWork, is_final: Callable[[int, WaitlistedOrder], bool] = lambda number, order: False
) -> None:
    """Decide every waiting order for which there are portions, oldest first.

    An order that cannot be served keeps its claim: a later one gets only what the claim leaves. `is_final`
    returns True for an order that is decided all the same, and thereby refused.
    """
    claimed: Counter[str] = Counter()
    for number, order in list(_entries(work)):
        needed = total_quantities(order.command.items)
        can_be_served = all(
            (free := _free_portions(work, sku)) is None or free - claimed[sku] >= quantity
            for sku, quantity in needed.items()
        )
        if can_be_served or is_final(number, order):
            _decide(work, number, order)
        else:
            claimed += needed


def record_round(work: UnitOfWork, covers: int) -> None:
    """Count a round for the waiting orders with numbers below `covers`."""
    for number, order in list(_entries(work)):
        if number >= covers:
            break
        counted = replace(order, rounds=order.rounds + 1)
        work.change_state(Change(WAITLIST, _row_key(work, number), counted))


def _decide(work: UnitOfWork, number: int, order: WaitlistedOrder) -> None:
    """Remove an order, decide it by the portions that are here, and reply to all of its callers."""
    command = order.command
    escrow = work.escrow
    work.change_state(Change(WAITLIST, _row_key(work, number), None))
    claims = Counter(escrow.claims)
    claims.subtract(total_quantities(command.items))
    head = number + 1 if number == escrow.head else escrow.head
    while head < escrow.tail and work.state[WAITLIST].get(_row_key(work, head)) is None:
        head += 1
    work.update(head=head, claims={sku: count for sku, count in claims.items() if count > 0})
    decision = place_order.place_new(work.state, command, work.now, work.policy, None)
    reply = work.merge(decision)
    if not decision.facts:  # a rejection that is not stored: the key becomes free again
        idempotency_key = key(work.bucket, command.idempotency_key_hash)
        work.change_state(Change(IDEMPOTENCY_KEYS, idempotency_key, None))
    if reply is not None:
        replies, changes = payments.replies_to_pending(
            work.state, work.bucket, command.order_id, reply.answer
        )
        work.merge(Decision(deferred_replies=replies, state_changes=changes))


def _entries(work: UnitOfWork) -> Iterator[tuple[int, WaitlistedOrder]]:
    """Yield the waiting orders with their numbers, oldest first."""
    for number in range(work.escrow.head, work.escrow.tail):
        order = work.state[WAITLIST].get(_row_key(work, number))
        if order is not None:
            yield number, order


def _free_portions(work: UnitOfWork, sku: str) -> int | None:
    return pools.current_offer(work, sku).available if key(work.bucket, sku) in work.state[ITEMS] else 0


def _row_key(work: UnitOfWork, number: int) -> str:
    return key(work.bucket, f"{number:012d}")
