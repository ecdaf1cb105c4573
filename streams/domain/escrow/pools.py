"""A pool: the portions of an item that one bucket has, in the promotion that governs it, and how they move."""

from collections.abc import Iterable

from msgspec.structs import replace

from schemas.catalogue import Allotment, Stock
from schemas.commands import Given
from schemas.facts import MovedItem, PortionsMoved
from schemas.instants import to_text
from streams.domain import reservation
from streams.domain.escrow.desk import Desk
from tables.registry import SEPARATOR, key


def governing(desk: Desk, sku: str) -> str | None:
    """Return the promotion whose portions an order of this item would take now; None too where it is not known here."""
    if key(desk.me, sku) not in desk.state.items:
        return None
    promotion = reservation.current_offer(desk.state, desk.me, sku, desk.now).promotion
    return promotion.promotion_id if promotion else None


def free(desk: Desk, sku: str, promotion_id: str | None) -> int | None:
    """Return what is free of an item within a promotion; None: unlimited. 0 where it is not known here."""
    stock = desk.state.stocks.get(key(desk.me, sku))
    if stock is None:
        return 0
    bounds = [stock.free]
    if promotion_id is not None:
        allotment = stock.allotments.get(promotion_id)
        bounds.append(allotment.free if allotment else 0)
    limits = [bound for bound in bounds if bound is not None]
    return min(limits) if limits else None


def limited(stock: Stock, promotion_id: str | None) -> bool:
    """Say whether anything bounds this item in this promotion."""
    allotment = stock.allotments.get(promotion_id) if promotion_id is not None else None
    return stock.portions is not None or (allotment is not None and allotment.portions is not None)


def move_out(desk: Desk, borrower: str, number: int, given: list[Given]) -> None:
    """Take portions out of this bucket: from here on they are under way."""
    _move(desk, given, desk.me, borrower, number, -1)


def move_in(desk: Desk, lender: str, number: int, given: list[Given]) -> None:
    """Put portions that came into this bucket."""
    _move(desk, given, lender, desk.me, number, 1)


def _move(desk: Desk, given: Iterable[Given], lender: str, borrower: str, number: int, sign: int) -> None:
    items, net = [], dict(desk.escrow.net)
    for portions in given:
        stock = _moved(
            desk.state.stocks[key(desk.me, portions.sku)], portions.promotion_id, sign * portions.quantity
        )
        items.append(MovedItem(portions.sku, portions.quantity, stock.version, stock, portions.promotion_id))
        for name in names(portions.sku, portions.promotion_id):
            net[name] = net.get(name, 0) + sign * portions.quantity
    if not items:
        return
    desk.change(net=net)
    desk.tell(
        PortionsMoved(
            restaurant_id=desk.me,
            lender=lender,
            borrower=borrower,
            number=number,
            direction="in" if sign > 0 else "out",
            items=items,
            occurred_at=to_text(desk.now),
        )
    )


def names(sku: str, promotion_id: str | None) -> list[str]:
    """Return the names under which a bucket keeps its balance of these portions: the item, its allotment."""
    return [sku] if promotion_id is None else [sku, f"{sku}{SEPARATOR}{promotion_id}"]


def _moved(stock: Stock, promotion_id: str | None, quantity: int) -> Stock:
    """Return the stock with so many more portions (fewer: negative), in its allotment too."""
    allotments = stock.allotments
    if promotion_id is not None:
        allotment = allotments.get(promotion_id, Allotment(0))
        if allotment.portions is not None:
            more = replace(allotment, portions=allotment.portions + quantity)
            allotments = {**allotments, promotion_id: more}
    portions = None if stock.portions is None else stock.portions + quantity
    return replace(stock, portions=portions, allotments=allotments, version=stock.version + 1)
