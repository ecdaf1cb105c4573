"""A restaurant's stocks, summed over the buckets that its stock is split into (stock escrow)."""

from collections.abc import Iterable

from msgspec.structs import replace

from schemas.catalogue import Allotment, Stock


def total_stocks(numbered: Iterable[tuple[int, Stock]]) -> tuple[dict[str, Stock], list[int]]:
    """Return the stocks by sku, and the numbers of the buckets other than the home bucket (0) that have any.

    Portions in transit between two buckets are in neither total, so they are missing for a moment. They are counted
    twice only while one of the two buckets has not been projected yet.
    """
    totals: dict[str, Stock] = {}
    others: set[int] = set()
    for number, stock in numbered:
        if number:
            others.add(number)
        total = totals.get(stock.sku)
        totals[stock.sku] = stock if total is None else _add_stocks(total, stock)
    return totals, sorted(others)


def _add_stocks(a: Stock, b: Stock) -> Stock:
    names = a.allotments.keys() | b.allotments.keys()
    return replace(
        a,
        version=a.version + b.version,
        portions=_add_portions(a.portions, b.portions),
        reserved=a.reserved + b.reserved,
        wasted=a.wasted + b.wasted,
        allotments={name: _add_allotments(a.allotments.get(name), b.allotments.get(name)) for name in names},
    )


def _add_allotments(a: Allotment | None, b: Allotment | None) -> Allotment:
    if a is None or b is None:
        only = a or b
        assert only is not None
        return only
    return Allotment(_add_portions(a.portions, b.portions), a.reserved + b.reserved, a.wasted + b.wasted)


def _add_portions(a: int | None, b: int | None) -> int | None:
    """Add portions; an item that is unlimited (None) in one bucket is unlimited."""
    return None if a is None or b is None else a + b
