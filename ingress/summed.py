"""A restaurant's stocks, of all of its buckets together (README, Stock escrow)."""

from collections.abc import Iterable

from msgspec.structs import replace

from schemas.catalogue import Allotment, Stock


def stocks(numbered: Iterable[tuple[int, Stock]]) -> tuple[dict[str, Stock], list[int]]:
    """Return the stocks by sku, and the numbers of the buckets that have any beside the home.

    Portions that are under way from one bucket to another are in none of them: they are missing for a
    moment, and never counted twice but for as long as one of the two has yet to be shown.
    """
    totals: dict[str, Stock] = {}
    others: set[int] = set()
    for number, stock in numbered:
        if number:
            others.add(number)
        before = totals.get(stock.sku)
        totals[stock.sku] = stock if before is None else _sum(before, stock)
    return totals, sorted(others)


def _sum(a: Stock, b: Stock) -> Stock:
    names = a.allotments.keys() | b.allotments.keys()
    return replace(
        a,
        version=a.version + b.version,
        portions=_add(a.portions, b.portions),
        reserved=a.reserved + b.reserved,
        wasted=a.wasted + b.wasted,
        allotments={name: _both(a.allotments.get(name), b.allotments.get(name)) for name in names},
    )


def _both(a: Allotment | None, b: Allotment | None) -> Allotment:
    if a is None or b is None:
        found = a or b
        assert found is not None
        return found
    return Allotment(_add(a.portions, b.portions), a.reserved + b.reserved, a.wasted + b.wasted)


def _add(a: int | None, b: int | None) -> int | None:
    """Add portions; what is unlimited in one bucket is unlimited."""
    return None if a is None or b is None else a + b
