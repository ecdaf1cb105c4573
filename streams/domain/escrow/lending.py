"""The lender's side: one response to each request, however often the request comes (README, T2)."""

from msgspec.structs import replace

from schemas.commands import LendPortions, PortionGrant, PortionRequest, RequestPortions
from streams.domain.decision import ForwardedCommand
from streams.domain.escrow import pools, waitlist
from streams.domain.escrow.unit_of_work import UnitOfWork
from tables.registry import STOCKS, key

#: A bucket with unlimited portions lends at least this many, to save further requests.
MIN_UNLIMITED_GRANT = 10_000


def lend(work: UnitOfWork, request: RequestPortions) -> None:
    """Respond to a request: lend what is missing, a fair share, or nothing.

    A repeated request gets the stored response, an older one none (T2).
    """
    peer = work.peer(request.borrower)
    if peer.last_response is not None and request.number <= peer.last_response.number:
        if request.number == peer.last_response.number:
            work.send(ForwardedCommand(peer.last_response))
        return
    grants: list[PortionGrant] = []
    has_withheld = False
    older_claims = waitlist.claims_before(work, request.waiting_since, request.borrower)
    for wanted in request.requests:
        quantity, withholds = _quantity(work, request.borrower, wanted, older_claims.get(wanted.sku, 0))
        has_withheld = has_withheld or withholds
        if quantity:
            grants.append(PortionGrant(wanted.sku, quantity, wanted.promotion_id))
    pools.transfer_out(work, request.borrower, request.number, grants)
    response = LendPortions(
        restaurant_id=request.borrower,
        lender=work.bucket,
        number=request.number,
        grants=grants,
        has_withheld=has_withheld,
        last_lent={
            b: p.last_lent for b, p in work.escrow.peers.items() if p.last_lent and b != request.borrower
        },
        last_received={b: p.last_received for b, p in work.escrow.peers.items() if p.last_received},
    )
    if grants and work.escrow.round is not None:
        # this bucket now misses more than it has requested in its round (S4c)
        work.update(round=replace(work.escrow.round, is_inconclusive=True))
    last_lent = request.number if grants else peer.last_lent
    work.set_peer(
        request.borrower, replace(work.peer(request.borrower), last_response=response, last_lent=last_lent)
    )
    work.send(ForwardedCommand(response))


def _quantity(work: UnitOfWork, borrower: str, wanted: PortionRequest, older_claims: int) -> tuple[int, bool]:
    """Return how many portions to lend, and whether some that the borrower misses are withheld (L1, L2).

    Older orders here withhold portions from what is missing there. Younger ones withhold them only from the
    borrower's fair share. A closed bucket lends its home all.
    """
    stock = work.state[STOCKS].get(key(work.bucket, wanted.sku))
    free = pools.free_portions(work, wanted.sku, wanted.promotion_id)
    if stock is None or free == 0:
        return 0, False
    if free is None:
        # unlimited here; a borrower to which the item is limited gets, and counts, as many as it wants
        return (max(wanted.missing, MIN_UNLIMITED_GRANT) if wanted.missing else 0), False
    kept = min(free, older_claims)
    missing = min(wanted.missing, free - kept)
    spare = max(0, free - max(older_claims, work.escrow.claims.get(wanted.sku, 0)))
    if borrower == work.home and not work.escrow.is_open:
        share = spare
    else:
        share = min(spare, max(0, free - wanted.free) // work.policy.buckets)
    return max(missing, share), kept > 0 and missing < wanted.missing
