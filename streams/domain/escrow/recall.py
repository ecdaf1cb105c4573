"""A PUT of fewer portions than are reserved or lent: unused lent portions are recalled, and retired (README, PUTs)."""

from collections.abc import Mapping

from msgspec.structs import replace

from schemas.catalogue import Stock
from schemas.commands import PortionRequest, PutMenuItem, PutPromotion
from schemas.facts import CatalogChanged
from schemas.timestamps import to_text
from streams.domain.escrow import borrowing, pools
from streams.domain.escrow.unit_of_work import UnitOfWork
from tables.registry import ITEMS, PROMOTIONS, STOCKS, key

#: Requests to the peers, a second apart; afterwards the portions that they still have count as reserved.
MAX_RECALL_ATTEMPTS = 5


def record_shortfall(work: UnitOfWork, put: PutMenuItem | PutPromotion) -> None:
    """Record how many of the portions that are no longer offered are lent, and request them."""
    shortfalls = dict(work.escrow.shortfalls)
    for name, portions in _offered(put).items():
        shortfalls.pop(name, None)
        lent = -work.escrow.net_received.get(name, 0)
        here = _portions_here(work, name)
        if portions is not None and here is not None and lent > 0 and here + lent > portions:
            shortfalls[name] = min(lent, here + lent - portions)
    if shortfalls != work.escrow.shortfalls:
        work.update(shortfalls=shortfalls, recall_attempts_left=MAX_RECALL_ATTEMPTS)
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


def retire_portions(work: UnitOfWork) -> None:
    """Remove the shortfall from the free portions of the home: they are not offered any more."""
    for name, shortfall in work.escrow.shortfalls.items():
        sku, promotion_id = pools.parse_pool_name(name)
        stock = work.state[STOCKS][key(work.bucket, sku)]
        pool = stock.allotments.get(promotion_id) if promotion_id else stock
        retired = min(shortfall, (pool.free or 0) if pool else 0)
        if retired <= 0:
            continue
        _emit_reduction(work, _reduce(stock, promotion_id, retired), promotion_id)
        left = {**work.escrow.shortfalls, name: shortfall - retired}
        work.update(shortfalls={name: count for name, count in left.items() if count})


def on_timer(work: UnitOfWork) -> None:
    """Request the shortfall again, until there are no attempts left."""
    if not work.escrow.shortfalls:
        return
    if work.escrow.recall_attempts_left <= 1:
        work.update(shortfalls={}, recall_attempts_left=0)
        return
    work.update(recall_attempts_left=work.escrow.recall_attempts_left - 1)
    recall(work)


def _offered(put: PutMenuItem | PutPromotion) -> Mapping[str, int | None]:
    """Return the whole numbers that the PUT offers, by pool name; None: unlimited."""
    if isinstance(put, PutMenuItem):
        return {put.sku: put.portions}
    return {pools.pool_name(item.sku, put.promotion_id): item.portions for item in put.items}


def _portions_here(work: UnitOfWork, name: str) -> int | None:
    sku, promotion_id = pools.parse_pool_name(name)
    stock = work.state[STOCKS].get(key(work.bucket, sku))
    pool = stock.allotments.get(promotion_id) if stock and promotion_id else stock
    return pool.portions if pool else None


def _reduce(stock: Stock, promotion_id: str | None, quantity: int) -> Stock:
    if promotion_id is None:
        return replace(stock, portions=(stock.portions or 0) - quantity, version=stock.version + 1)
    allotment = stock.allotments[promotion_id]
    reduced = replace(allotment, portions=(allotment.portions or 0) - quantity)
    return replace(stock, allotments={**stock.allotments, promotion_id: reduced}, version=stock.version + 1)


def _emit_reduction(work: UnitOfWork, stock: Stock, promotion_id: str | None) -> None:
    """Emit the smaller offer as a new version of the item, or of the promotion."""
    occurred_at = to_text(work.now)
    if promotion_id is not None:
        promotion = work.state[PROMOTIONS][key(work.bucket, promotion_id)]
        promotion = replace(promotion, version=promotion.version + 1)
        work.emit(
            CatalogChanged(work.bucket, occurred_at, promotion.version, promotion=promotion, stocks=[stock])
        )
    else:
        item = work.state[ITEMS][key(work.bucket, stock.sku)]
        item = replace(item, version=item.version + 1)
        work.emit(CatalogChanged(work.bucket, occurred_at, item.version, item=item, stocks=[stock]))
