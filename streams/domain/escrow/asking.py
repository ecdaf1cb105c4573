"""Ask the other buckets, one ask at a time of each, and hear what they say.

A round asks all of them on behalf of the orders that wait. When all have answered and nothing was kept
for others or under way between two of them, there was too little anywhere, and it may be said so.
"""

from collections.abc import Callable

from msgspec.structs import replace

from schemas.commands import AskPortions, LendPortions, Want
from schemas.facts import ReservedItem
from streams.domain.decision import Onward
from streams.domain.escrow import parking, pools
from streams.domain.escrow.desk import Desk
from tables.records import Parked, Peer, Round

#: Silence after which a bucket is not waited for, in milliseconds: its answer counts when it comes.
SILENT_MS = 800
#: Rounds in which an order is asked for at most, and how long it waits at most, in milliseconds.
MAX_ROUNDS = 32
MAX_WAIT_MS = 2_000
#: Says that a bucket has enough, so that it gets what is missing and no share.
ENOUGH = 2**31


def begin(desk: Desk) -> None:
    """Ask all others for what the orders that wait are short of; those that are silent are left out."""
    if desk.escrow.round is not None or desk.escrow.head == desk.escrow.tail:
        return
    unsent, awaited = [], []
    for name in desk.others:
        peer = desk.peer(name)
        if not peer.is_awaited:
            _ask(desk, name, _wants(desk))
            awaited.append(name)
        elif desk.now - peer.asked_at < SILENT_MS:
            unsent.append(name)
    desk.change(round=Round(desk.escrow.tail, desk.now, unsent, awaited))
    desk.look_again()
    if not unsent and not awaited:
        conclude(desk)


def hear(desk: Desk, lend: LendPortions, first: Callable[[Desk], None]) -> None:
    """Take an answer in, once: only the ask that is under way has one to come.

    `first` has a claim on what came, before the orders that wait.
    """
    peer = desk.peer(lend.lender)
    if not peer.is_awaited or lend.number != peer.asked:
        return
    desk.set_peer(lend.lender, replace(peer, heard=lend.number, wants=[]))
    pools.move_in(desk, lend.lender, lend.number, lend.given)
    first(desk)
    for given in lend.given:
        set_mark(desk, given.sku, given.promotion_id)
    if desk.escrow.round is not None:
        _count_in(desk, desk.escrow.round, lend)
    parking.serve(desk)
    round_ = desk.escrow.round
    if round_ is not None and not round_.unsent and not round_.awaited:
        conclude(desk)


def is_low(desk: Desk, item: ReservedItem) -> bool:
    """Say whether a reservation has left less than a quarter of what there was when portions last came or went."""
    return item.available is not None and item.available < desk.escrow.marks.get(item.sku, 0)


def top_up(desk: Desk, sku: str) -> None:
    """Ask for more of an item in good time."""
    promotion_id = pools.governing(desk, sku)
    free = pools.free(desk, sku, promotion_id)
    if free is None:
        return
    set_mark(desk, sku, promotion_id)
    for name in desk.others:
        if not desk.peer(name).is_awaited:
            _ask(desk, name, [Want(sku, 0, free, promotion_id)])
    desk.look_again()


def set_mark(desk: Desk, sku: str, promotion_id: str | None) -> None:
    """Put down below which number of free portions more are asked for."""
    free = pools.free(desk, sku, promotion_id)
    desk.change(marks={**desk.escrow.marks, sku: 0 if free is None else free // 4})


def fetch(desk: Desk, name: str, wants: list[Want]) -> None:
    """Ask one bucket for what it has offered, unless it has an ask to answer."""
    if not desk.peer(name).is_awaited:
        _ask(desk, name, wants)
        desk.look_again()


def look(desk: Desk) -> None:
    """Time has passed: ask again what is not answered, and go on without those that are silent."""
    for name, peer in desk.escrow.peers.items():
        if peer.is_awaited and desk.now - peer.asked_at >= SILENT_MS:
            desk.send(Onward(AskPortions(name, desk.me, peer.asked, parking.oldest(desk), peer.wants)))
    round_ = desk.escrow.round
    if round_ is not None and desk.now - round_.started >= SILENT_MS:
        conclude(desk)


def conclude(desk: Desk) -> None:
    """End the round: what cannot be had is refused where that is certain, or was tried often enough."""
    round_ = desk.escrow.round
    assert round_ is not None
    desk.change(round=None)
    certain = not round_.doubtful and not _under_way(desk, round_)

    def refuse(number: int, parked: Parked) -> bool:
        if number >= round_.covers:
            return False
        if certain or parked.rounds + 1 >= MAX_ROUNDS or desk.now - parked.at >= MAX_WAIT_MS:
            return True
        parking.count_round(desk, number, parked)
        return False

    parking.serve(desk, refuse)
    begin(desk)


def _under_way(desk: Desk, round_: Round) -> bool:
    """Say whether portions were between two others when they answered: lent by one, not received by the other."""
    return any(
        number > round_.heard[borrower].get(lender, 0)
        for lender, lent in round_.lent.items()
        for borrower, number in lent.items()
        if borrower in round_.heard
    )


def _count_in(desk: Desk, round_: Round, lend: LendPortions) -> None:
    """Put down what a bucket said, if it was asked in this round; else ask it now that it can be reached."""
    if lend.lender in round_.awaited:
        desk.change(
            round=replace(
                round_,
                awaited=[name for name in round_.awaited if name != lend.lender],
                doubtful=round_.doubtful or lend.kept,
                lent={**round_.lent, lend.lender: lend.lent},
                heard={**round_.heard, lend.lender: lend.heard},
            )
        )
    elif lend.lender not in round_.heard:
        _ask(desk, lend.lender, _wants(desk))
        unsent = [name for name in round_.unsent if name != lend.lender]
        desk.change(round=replace(round_, unsent=unsent, awaited=[*round_.awaited, lend.lender]))


def _wants(desk: Desk) -> list[Want]:
    """Return what all who wait are short of."""
    wants = []
    has_share = desk.escrow.open or desk.me == desk.home
    for sku, claimed in desk.escrow.claims.items():
        promotion_id = pools.governing(desk, sku)
        free = pools.free(desk, sku, promotion_id)
        if free is not None:
            wants.append(Want(sku, max(0, claimed - free), free if has_share else ENOUGH, promotion_id))
    return wants


def _ask(desk: Desk, name: str, wants: list[Want]) -> None:
    peer: Peer = desk.peer(name)
    number = peer.asked + 1
    desk.set_peer(name, replace(peer, asked=number, asked_at=desk.now, wants=wants))
    desk.send(Onward(AskPortions(name, desk.me, number, parking.oldest(desk), wants)))
