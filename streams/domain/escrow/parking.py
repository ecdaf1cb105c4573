"""Orders that wait for portions: parked in their order, served as soon as they can be, refused as the last thing."""

from collections import Counter
from collections.abc import Callable, Iterator

from msgspec.structs import replace

from schemas.codec import ReplyAddress
from schemas.commands import PlaceOrder
from schemas.replies import Reply
from streams.domain import ordering, reservation
from streams.domain.escrow import pools
from streams.domain.escrow.desk import Desk
from streams.domain.state import Change
from tables.records import KeyEntry, Parked, Timer, Waiting
from tables.registry import KEYS, PARKED, TIMERS, WAITING, key, timer_key

#: Most orders that wait in one bucket; one more is refused at once.
MAX_PARKED = 500


def quantities(command: PlaceOrder) -> Counter[str]:
    """Return how many of each sku an order wants."""
    wanted: Counter[str] = Counter()
    for line in command.items:
        wanted[line.sku] += line.quantity
    return wanted


def is_claimed(desk: Desk, command: PlaceOrder) -> bool:
    """Say whether orders that wait already would be left with too little: who comes later waits behind them."""
    claims = desk.escrow.claims
    if not claims or reservation.unknown_items(desk.state, desk.me, command.items):
        return False
    return any(
        (free := _free(desk, sku)) is not None and free - claims[sku] < quantity
        for sku, quantity in quantities(command).items()
        if claims.get(sku)
    )


def is_full(desk: Desk) -> bool:
    """Say whether no more orders can wait."""
    return desk.escrow.tail - desk.escrow.head >= MAX_PARKED


def park(desk: Desk, command: PlaceOrder, asker: ReplyAddress | None) -> None:
    """Let an order wait; its key is taken from now on, and whoever comes with it waits too."""
    escrow = desk.escrow
    hash_ = command.idempotency_key_hash
    expires_at = desk.now + desk.policy.idempotency_ttl_seconds * 1000
    entry = KeyEntry(command.request_fingerprint, command.order_id, answer=None, expires_at=expires_at)
    timer = Timer("key", desk.me, hash_, expires_at)
    desk.note(Change(PARKED, _row(desk, escrow.tail), Parked(command, desk.now)))
    desk.note(Change(KEYS, key(desk.me, hash_), entry))
    desk.note(Change(TIMERS, timer_key(timer), timer))
    if asker is not None:
        desk.note(Change(WAITING, key(desk.me, command.order_id), Waiting([asker])))
    claims = Counter(escrow.claims) + quantities(command)
    desk.change(tail=escrow.tail + 1, claims=dict(claims))


def claims_before(desk: Desk, since: int, asker: str) -> Counter[str]:
    """Return what orders want, by sku, that wait for longer than `since`; equal times are in the order of names."""
    wanted: Counter[str] = Counter()
    for _, parked in _all(desk):
        if (parked.at, desk.me) >= (since, asker):
            break
        wanted += quantities(parked.command)
    return wanted


def oldest(desk: Desk) -> int:
    """Return since when the oldest order waits; now, where none does."""
    return next((parked.at for _, parked in _all(desk)), desk.now)


def serve(desk: Desk, refuse: Callable[[int, Parked], bool] = lambda number, parked: False) -> None:
    """Decide every order that can be had, in their order; of the others those that `refuse` names.

    Who waits longer has a claim on what is there: a later order gets what that leaves.
    """
    claimed: Counter[str] = Counter()
    for number, parked in list(_all(desk)):
        wanted = quantities(parked.command)
        if all(
            (free := _free(desk, sku)) is None or free - claimed[sku] >= quantity
            for sku, quantity in wanted.items()
        ) or refuse(number, parked):
            _decide(desk, number, parked)
        else:
            claimed += wanted


def count_round(desk: Desk, number: int, parked: Parked) -> None:
    """Put down that all others were asked once more on this order's behalf."""
    desk.note(Change(PARKED, _row(desk, number), replace(parked, rounds=parked.rounds + 1)))


def _decide(desk: Desk, number: int, parked: Parked) -> None:
    """Decide an order by what is here now, and answer all who wait for it."""
    command = parked.command
    escrow = desk.escrow
    desk.note(Change(PARKED, _row(desk, number), None))
    claims = Counter(escrow.claims)
    claims.subtract(quantities(command))
    head = number + 1 if number == escrow.head else escrow.head
    while head < escrow.tail and desk.state.parked.get(_row(desk, head)) is None:
        head += 1
    desk.change(head=head, claims={sku: n for sku, n in claims.items() if n > 0})
    decision = ordering.decide_new(desk.state, command, desk.now, desk.policy, None)
    reply = desk.take_in(decision)
    if not decision.facts:  # nothing was written, so the key is free again
        desk.note(Change(KEYS, key(desk.me, command.idempotency_key_hash), None))
    if reply is not None:
        _answer(desk, command, reply)


def _answer(desk: Desk, command: PlaceOrder, reply: Reply) -> None:
    where = key(desk.me, command.order_id)
    waiting = desk.state.waiting.get(where)
    if waiting is not None:
        desk.answer(waiting.askers, reply)
        desk.note(Change(WAITING, where, None))


def _all(desk: Desk) -> Iterator[tuple[int, Parked]]:
    for number in range(desk.escrow.head, desk.escrow.tail):
        parked = desk.state.parked.get(_row(desk, number))
        if parked is not None:
            yield number, parked


def _free(desk: Desk, sku: str) -> int | None:
    if key(desk.me, sku) not in desk.state.items:
        return 0
    return pools.free(desk, sku, pools.governing(desk, sku))


def _row(desk: Desk, number: int) -> str:
    return key(desk.me, f"{number:012d}")
