"""The borrower's side: requests to the other buckets, one at a time to each, and rounds of them.

The steps T1-T4 and S2-S7 are those of README.md.
"""

from collections.abc import Callable

from msgspec.structs import replace

from schemas.commands import LendPortions, PortionRequest, RequestPortions
from schemas.facts import ReservedItem
from streams.domain.decision import ForwardedCommand
from streams.domain.escrow import pools, sold_out, waitlist
from streams.domain.escrow.unit_of_work import UnitOfWork
from tables.records import BorrowingRound, WaitlistedOrder

#: A round does not wait longer than this for a peer; a response that comes later still counts (S7).
PEER_TIMEOUT_MS = 800
#: Rounds for one order, and how long it waits, before it is refused without certainty (S6).
MAX_ROUNDS = 32
MAX_WAIT_MS = 2_000
#: A bucket requests more when less than a quarter is left of what it had after the last transfer (L3).
LOW_WATER_DIVISOR = 4
#: Stated as free by a borrower that wants only what it is missing: no lender adds a fair share (L2).
NO_FAIR_SHARE = 2**31


def start_round(work: UnitOfWork) -> None:
    """Request what the waiting orders are missing from every peer that is not silent (S2)."""
    if work.escrow.round is not None or work.escrow.head == work.escrow.tail:
        return
    unsent, awaited = [], []
    for bucket in work.others:
        peer = work.peer(bucket)
        if not peer.has_open_request:
            _request(work, bucket, _missing_portions(work))
            awaited.append(bucket)
        elif work.now - peer.requested_at < PEER_TIMEOUT_MS:
            unsent.append(bucket)
    wanted = sold_out.lacking_pools(_missing_portions(work), [])
    work.update(round=BorrowingRound(work.escrow.tail, work.now, unsent, awaited, pools=wanted))
    work.schedule_timer()
    if not unsent and not awaited:
        finish_round(work)


def on_lend(work: UnitOfWork, lend: LendPortions, before_serving: Callable[[UnitOfWork], None]) -> None:
    """Receive a response, once: any other than that to the open request is dropped (T3).

    `before_serving` may use up the received portions before the waiting orders do.
    """
    peer = work.peer(lend.lender)
    if not peer.has_open_request or lend.number != peer.last_request:
        return
    work.set_peer(lend.lender, replace(peer, last_received=lend.number, requested=[]))
    pools.transfer_in(work, lend.lender, lend.number, lend.grants)
    before_serving(work)
    for grant in lend.grants:
        _set_low_water_mark(work, grant.sku, grant.promotion_id)
    if work.escrow.round is not None:
        _record_response(work, work.escrow.round, lend, peer.requested)
    waitlist.serve(work)
    round_ = work.escrow.round
    if round_ is not None and not round_.unsent and not round_.awaited:
        finish_round(work)


def is_low(work: UnitOfWork, item: ReservedItem) -> bool:
    """Return True if a reservation has left less than the low-water mark of its item."""
    return item.available is not None and item.available < work.escrow.low_water_marks.get(item.sku, 0)


def top_up(work: UnitOfWork, sku: str) -> None:
    """Request a fair share of an item from every peer, before orders have to wait (L3)."""
    promotion_id = pools.governing_promotion(work, sku)
    free = pools.free_portions(work, sku, promotion_id)
    if free is None:
        return
    _set_low_water_mark(work, sku, promotion_id)
    for bucket in work.others:
        request_offered(work, bucket, [PortionRequest(sku, 0, free, promotion_id)])
    work.schedule_timer()


def request_offered(work: UnitOfWork, bucket: str, requests: list[PortionRequest]) -> None:
    """Send a request to one peer, unless it has one to answer (T1)."""
    if not work.peer(bucket).has_open_request:
        _request(work, bucket, requests)
        work.schedule_timer()


def on_timer(work: UnitOfWork) -> None:
    """Send overdue requests again, and finish a round without the peers that are silent (T2, S7)."""
    for bucket, peer in work.escrow.peers.items():
        if peer.has_open_request and work.now - peer.requested_at >= PEER_TIMEOUT_MS:
            _send_request(work, bucket, peer.last_request, peer.requested)
    round_ = work.escrow.round
    if round_ is not None and work.now - round_.started_at >= PEER_TIMEOUT_MS:
        finish_round(work)


def finish_round(work: UnitOfWork) -> None:
    """Refuse the orders for which this is certain (S5), or that have waited too long (S6); start the next round."""
    round_ = work.escrow.round
    assert round_ is not None
    work.update(round=None)
    is_conclusive = not round_.is_inconclusive and not _has_transfer_in_flight(round_)
    moved_on = sold_out.record(work, round_.pools) if is_conclusive else set()

    def is_refused(number: int, order: WaitlistedOrder) -> bool:
        has_waited_too_long = order.rounds + 1 >= MAX_ROUNDS or work.now - order.since >= MAX_WAIT_MS
        is_certain = is_conclusive and not any(line.sku in moved_on for line in order.command.items)
        return number < round_.covers and (is_certain or has_waited_too_long)

    waitlist.serve(work, is_refused)
    waitlist.record_round(work, round_.covers)
    start_round(work)


def _has_transfer_in_flight(round_: BorrowingRound) -> bool:
    """Return True if portions were between two peers when they responded: lent, and not received yet (S4b)."""
    return any(
        number > round_.received[borrower].get(lender, 0)
        for lender, last_lent in round_.lent.items()
        for borrower, number in last_lent.items()
        if borrower in round_.received
    )


def _record_response(
    work: UnitOfWork, round_: BorrowingRound, lend: LendPortions, requested: list[PortionRequest]
) -> None:
    """Record a response to this round's request (S3). After one to an older request, send this round's (S2)."""
    if lend.lender in round_.awaited:
        round_ = replace(
            round_,
            awaited=[bucket for bucket in round_.awaited if bucket != lend.lender],
            is_inconclusive=round_.is_inconclusive or lend.has_withheld,
            lent={**round_.lent, lend.lender: lend.last_lent},
            received={**round_.received, lend.lender: lend.last_received},
            pools=[name for name in round_.pools if name in sold_out.lacking_pools(requested, lend.grants)],
        )
    elif lend.lender not in round_.received:
        _request(work, lend.lender, _missing_portions(work))
        unsent = [bucket for bucket in round_.unsent if bucket != lend.lender]
        round_ = replace(round_, unsent=unsent, awaited=[*round_.awaited, lend.lender])
    work.update(round=round_)


def _missing_portions(work: UnitOfWork) -> list[PortionRequest]:
    """Return what all waiting orders together are missing."""
    requests = []
    gets_fair_share = work.escrow.is_open or work.bucket == work.home
    for sku, claimed in work.escrow.claims.items():
        promotion_id = pools.governing_promotion(work, sku)
        balance = pools.balance(work, sku, promotion_id)
        if balance is not None:
            free = max(0, balance)
            missing = max(0, claimed - balance)
            stated_free = free if gets_fair_share else NO_FAIR_SHARE
            requests.append(PortionRequest(sku, missing, stated_free, promotion_id))
    return requests


def _set_low_water_mark(work: UnitOfWork, sku: str, promotion_id: str | None) -> None:
    free = pools.free_portions(work, sku, promotion_id)
    mark = 0 if free is None else free // LOW_WATER_DIVISOR
    work.update(low_water_marks={**work.escrow.low_water_marks, sku: mark})


def _request(work: UnitOfWork, bucket: str, requests: list[PortionRequest]) -> None:
    """Open the next request to a peer (T1)."""
    peer = work.peer(bucket)
    number = peer.last_request + 1
    work.set_peer(bucket, replace(peer, last_request=number, requested_at=work.now, requested=requests))
    _send_request(work, bucket, number, requests)


def _send_request(work: UnitOfWork, bucket: str, number: int, requests: list[PortionRequest]) -> None:
    since = waitlist.oldest_since(work)
    work.send(ForwardedCommand(RequestPortions(bucket, work.bucket, number, since, requests)))
