"""Fewer portions are put than are taken or lent: what is lent and free is called back, and is no more."""

from collections.abc import Mapping

from msgspec.structs import replace

from schemas.catalogue import Stock
from schemas.commands import PutMenuItem, PutPromotion, Want
from schemas.facts import CatalogChanged
from schemas.instants import to_text
from streams.domain.escrow import asking
from streams.domain.escrow.desk import Desk
from tables.registry import SEPARATOR, key

#: Looks, a second apart, in which others are asked for it; then what they still have counts as taken.
TRIES = 5


def owe(desk: Desk, put: PutMenuItem | PutPromotion) -> None:
    """Put down what of a number that was put others still have, and ask them for it."""
    debts = dict(desk.escrow.debts)
    for name, portions in _put(put).items():
        debts.pop(name, None)
        lent = -desk.escrow.net.get(name, 0)
        share = _share(desk, name)
        if portions is not None and share is not None and lent > 0 and share + lent > portions:
            debts[name] = min(lent, share + lent - portions)
    if debts != desk.escrow.debts:
        desk.change(debts=debts, tries=TRIES)
    recall(desk)


def recall(desk: Desk) -> None:
    """Ask all others that have no other ask to answer."""
    wants: dict[str, Want] = {}
    for name, debt in sorted(desk.escrow.debts.items(), key=lambda owed: SEPARATOR not in owed[0]):
        sku, _, promotion_id = name.partition(SEPARATOR)
        wants.setdefault(sku, Want(sku, debt, asking.ENOUGH, promotion_id or None))
    if not wants:
        return
    for name in desk.others:
        asking.fetch(desk, name, list(wants.values()))
    desk.look_again()


def burn(desk: Desk) -> None:
    """Take what is owed out of what is free at the home: it is not offered any more."""
    for name, debt in desk.escrow.debts.items():
        sku, _, promotion_id = name.partition(SEPARATOR)
        stock = desk.state.stocks[key(desk.me, sku)]
        pool = stock.allotments.get(promotion_id) if promotion_id else stock
        burnt = min(debt, (pool.free or 0) if pool else 0)
        if burnt <= 0:
            continue
        _tell(desk, _less(stock, promotion_id, burnt), promotion_id)
        left = {**desk.escrow.debts, name: debt - burnt}
        desk.change(debts={name: owed for name, owed in left.items() if owed})


def look(desk: Desk) -> None:
    """Ask again, as long as there is hope."""
    if not desk.escrow.debts:
        return
    if desk.escrow.tries <= 1:
        desk.change(debts={}, tries=0)
        return
    desk.change(tries=desk.escrow.tries - 1)
    recall(desk)


def _put(put: PutMenuItem | PutPromotion) -> Mapping[str, int | None]:
    if isinstance(put, PutMenuItem):
        return {put.sku: put.portions}
    return {f"{item.sku}{SEPARATOR}{put.promotion_id}": item.portions for item in put.items}


def _share(desk: Desk, name: str) -> int | None:
    sku, _, promotion_id = name.partition(SEPARATOR)
    stock: Stock | None = desk.state.stocks.get(key(desk.me, sku))
    if stock is None:
        return None
    if not promotion_id:
        return stock.portions
    allotment = stock.allotments.get(promotion_id)
    return allotment.portions if allotment else None


def _less(stock: Stock, promotion_id: str, quantity: int) -> Stock:
    if not promotion_id:
        return replace(stock, portions=(stock.portions or 0) - quantity, version=stock.version + 1)
    allotment = stock.allotments[promotion_id]
    fewer = replace(allotment, portions=(allotment.portions or 0) - quantity)
    return replace(stock, allotments={**stock.allotments, promotion_id: fewer}, version=stock.version + 1)


def _tell(desk: Desk, stock: Stock, promotion_id: str) -> None:
    """Tell that the offer is smaller now: a new version of the item, or of the promotion."""
    if promotion_id:
        promotion = desk.state.promotions[key(desk.me, promotion_id)]
        promotion = replace(promotion, version=promotion.version + 1)
        fact = CatalogChanged(
            desk.me, to_text(desk.now), promotion.version, promotion=promotion, stocks=[stock]
        )
    else:
        item = desk.state.items[key(desk.me, stock.sku)]
        item = replace(item, version=item.version + 1)
        fact = CatalogChanged(desk.me, to_text(desk.now), item.version, item=item, stocks=[stock])
    desk.tell(fact)
