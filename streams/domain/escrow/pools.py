"""A pool: the portions of one item that a bucket has, or its share of the item's allotment in a promotion.

This module moves portions between pools (README, T4).
"""

from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from schemas.catalogue import Allotment, Promotion, Stock
from schemas.commands import PortionGrant
from schemas.facts import MovedItem, PortionsMoved
from schemas.pricing import Offer
from schemas.timestamps import to_text
from streams.domain import promotion_runs, reservation
from streams.domain.escrow.unit_of_work import UnitOfWork
from streams.domain.state import Change
from tables.registry import ITEMS, PROMOTIONS, SEPARATOR, STOCKS, key


def pool_name(sku: str, promotion_id: str | None) -> str:
    """Return the name under which a bucket counts the portions of an item, or of its allotment in a promotion."""
    return sku if promotion_id is None else key(sku, promotion_id)


def parse_pool_name(name: str) -> tuple[str, str | None]:
    """Return the sku and the promotion of a pool; None: the item itself."""
    sku, _, promotion_id = name.partition(SEPARATOR)
    return sku, promotion_id or None


def allotments_first(names: Iterable[str]) -> list[str]:
    """Return the names with the allotments before the items: a transfer moves one pool of each item."""
    return sorted(names, key=lambda name: SEPARATOR not in name)


def governing_promotion(work: UnitOfWork, sku: str) -> str | None:
    """Return the promotion whose portions an order of this item would reserve now; None: none, or unknown item."""
    if key(work.bucket, sku) not in work.state[ITEMS]:
        return None
    promotion = current_offer(work, sku).promotion
    return promotion.promotion_id if promotion else None


def current_offer(work: UnitOfWork, sku: str) -> Offer:
    """Return what this bucket offers now of an item that it knows."""
    stock = work.state[STOCKS][key(work.bucket, sku)]
    return reservation.current_offer(work.state, work.bucket, stock, work.now, work.policy.buckets)


def free_portions(work: UnitOfWork, sku: str, promotion_id: str | None) -> int | None:
    """Return the free portions of an item within a promotion; None: unlimited; 0 for an unknown item."""
    free = balance(work, sku, promotion_id)
    return None if free is None else max(0, free)


def balance(work: UnitOfWork, sku: str, promotion_id: str | None) -> int | None:
    """Return `free_portions`, negative by the portions that are reserved here beyond those that were put."""
    names = dict.fromkeys((sku, pool_name(sku, promotion_id)))
    bounds = [left for name in names if (left := pool_balance(work, name)) is not None]
    return min(bounds) if bounds else None


def pool_balance(work: UnitOfWork, name: str) -> int | None:
    """Return the portions of one pool less those that are used; None: unlimited; 0 for an unknown one."""
    sku, promotion_id = parse_pool_name(name)
    stock = work.state[STOCKS].get(key(work.bucket, sku))
    pool = stock.allotments.get(promotion_id) if stock and promotion_id else stock
    if pool is None:
        return 0
    return None if pool.portions is None else pool.portions - pool.reserved - pool.wasted


def transfer_out(work: UnitOfWork, borrower: str, number: int, grants: list[PortionGrant]) -> None:
    """Remove lent portions from this bucket: from now on they are in flight."""
    _transfer(work, grants, work.bucket, borrower, number, sign=-1)


def transfer_in(work: UnitOfWork, lender: str, number: int, grants: list[PortionGrant]) -> None:
    """Add received portions to this bucket."""
    _transfer(work, grants, lender, work.bucket, number, sign=1)


def forget_retired(work: UnitOfWork) -> None:
    """Forget what the bucket knows of pools of retired promotions, so that its record does not grow with them."""
    retired: dict[str, bool] = {}
    for name in (*work.escrow.net_received, *work.escrow.shortfalls, *work.escrow.sold_out_until):
        _, promotion_id = parse_pool_name(name)
        if promotion_id is not None and promotion_id not in retired:
            promotion = work.state[PROMOTIONS].get(key(work.bucket, promotion_id))
            retired[promotion_id] = promotion is not None and promotion_runs.is_retired(
                promotion, work.now, work.policy
            )
    _forget_pools(work, {promotion_id for promotion_id, is_retired in retired.items() if is_retired})


def forget_run(work: UnitOfWork, promotion: Promotion) -> None:
    """Forget the pools of a promotion whose next run begins, and drop its allotments."""
    for item in promotion.items:
        stock_key = key(work.bucket, item.sku)
        stock = work.state[STOCKS].get(stock_key)
        if stock is not None and promotion.promotion_id in stock.allotments:
            kept = {id_: one for id_, one in stock.allotments.items() if id_ != promotion.promotion_id}
            work.change_state(Change(STOCKS, stock_key, replace(stock, allotments=kept)))
    _forget_pools(work, {promotion.promotion_id})


def _forget_pools(work: UnitOfWork, promotion_ids: set[str]) -> None:
    if not promotion_ids:
        return

    def keep(pools: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in pools.items() if parse_pool_name(name)[1] not in promotion_ids}

    escrow = work.escrow
    work.update(
        net_received=keep(escrow.net_received),
        shortfalls=keep(escrow.shortfalls),
        run_out=keep(escrow.run_out),
        sold_out_until=keep(escrow.sold_out_until),
    )


def _transfer(
    work: UnitOfWork, grants: list[PortionGrant], lender: str, borrower: str, number: int, *, sign: int
) -> None:
    if not grants:
        return
    items, net_received = [], dict(work.escrow.net_received)
    for grant in grants:
        change = sign * grant.quantity
        stock = _add_portions(work.state[STOCKS][key(work.bucket, grant.sku)], grant.promotion_id, change)
        items.append(MovedItem(grant.sku, grant.quantity, stock.version, stock, grant.promotion_id))
        for name in dict.fromkeys((grant.sku, pool_name(grant.sku, grant.promotion_id))):
            net_received[name] = net_received.get(name, 0) + change
    work.update(net_received=net_received)
    work.emit(
        PortionsMoved(
            restaurant_id=work.bucket,
            lender=lender,
            borrower=borrower,
            number=number,
            direction="in" if sign > 0 else "out",
            items=items,
            occurred_at=to_text(work.now),
        )
    )


def _add_portions(stock: Stock, promotion_id: str | None, quantity: int) -> Stock:
    """Return the stock, and its allotment, with this many more portions; negative: fewer."""
    allotments = stock.allotments
    if promotion_id is not None:
        # a transfer may come before the promotion itself
        allotment = allotments.get(promotion_id, Allotment(0))
        if allotment.portions is not None:
            changed = replace(allotment, portions=allotment.portions + quantity)
            allotments = {**allotments, promotion_id: changed}
    portions = None if stock.portions is None else stock.portions + quantity
    return replace(stock, portions=portions, allotments=allotments, version=stock.version + 1)
