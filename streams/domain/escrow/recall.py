"""A PUT of fewer portions than are reserved or lent: unused lent portions are recalled (README, PUTs)."""

from schemas.commands import PortionRequest, PutMenuItem, PutPromotion
from streams.domain.escrow import borrowing, pools
from streams.domain.escrow.unit_of_work import UnitOfWork

#: Requests to the peers, a second apart; afterwards the home requests what orders release.
MAX_RECALL_ATTEMPTS = 5


def record_shortfall(work: UnitOfWork, put: PutMenuItem | PutPromotion) -> None:
    """Record how many of the portions that are no longer offered are lent, and request them."""
    if isinstance(put, PutMenuItem):
        names = [put.sku]
    else:
        names = [pools.pool_name(item.sku, put.promotion_id) for item in put.items]
    if _record(work, names):
        work.update(recall_attempts_left=MAX_RECALL_ATTEMPTS)
    recall(work)


def request_released(work: UnitOfWork, released: list[PortionRequest]) -> None:
    """Request portions that an order of another bucket has released, if fewer are offered than are reserved."""
    if _record(work, [n for r in released for n in (pools.pool_name(r.sku, r.promotion_id), r.sku)]):
        work.update(recall_attempts_left=MAX_RECALL_ATTEMPTS)
        recall(work)


def recall(work: UnitOfWork) -> None:
    """Request the shortfall from every peer that has no other request to answer."""
    requests: dict[str, PortionRequest] = {}
    for name in pools.allotments_first(work.escrow.shortfalls):
        sku, promotion_id = pools.parse_pool_name(name)
        missing = work.escrow.shortfalls[name]
        requests.setdefault(sku, PortionRequest(sku, missing, borrowing.NO_FAIR_SHARE, promotion_id))
    if not requests:
        return
    for bucket in work.others:
        borrowing.request_offered(work, bucket, list(requests.values()))
    work.schedule_timer()


def count_received(work: UnitOfWork) -> None:
    """Subtract what has come back from the shortfall: the home's stock is negative by it, so none of it is free."""
    _record(work, list(work.escrow.shortfalls))


def on_timer(work: UnitOfWork) -> None:
    """Request the shortfall again, until there are no attempts left."""
    if not work.escrow.shortfalls:
        return
    if work.escrow.recall_attempts_left <= 1:
        work.update(shortfalls={}, recall_attempts_left=0)
        return
    work.update(recall_attempts_left=work.escrow.recall_attempts_left - 1)
    recall(work)


def _record(work: UnitOfWork, names: list[str]) -> bool:
    """Set the shortfalls of these pools to what is reserved here beyond the offer and lent; True if that changes any."""
    shortfalls = {name: count for name, count in work.escrow.shortfalls.items() if name not in names}
    for name in names:
        missing = -(pools.pool_balance(work, name) or 0)
        if (count := min(-work.escrow.net_received.get(name, 0), missing)) > 0:
            shortfalls[name] = count
    if shortfalls == work.escrow.shortfalls:
        return False
    work.update(shortfalls=shortfalls)
    return True
