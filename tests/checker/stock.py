"""Portions: never oversold at any prefix of the log, and none invented or lost."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from tests.checker.histories import deletions_over_time, milliseconds
from tests.checker.observations import Fact, Finding, Observations

#: Restaurant, sku, bucket (0 is the restaurant's home, and its only bucket without escrow), and life: how often the item
#: had been deleted before.
Where = tuple[str, str, int, int]
#: One change of a stock: version, resulting stock, change of the reserved portions (None: the catalogue changed), fact.
Change = tuple[int, dict[str, Any], int | None, Fact]


def changes_of_stocks(seen: Observations) -> dict[Where, list[Change]]:
    """Return the changes of each stock in the order of their versions."""
    changes: dict[Where, list[Change]] = defaultdict(list)
    deletions = deletions_over_time(seen)

    def where_of(restaurant: str, sku: str, bucket: int, version: int) -> Where:
        return restaurant, sku, bucket, sum(version > deleted for _, deleted in deletions[restaurant, sku])

    for fact in seen.of("stock.reserved", "stock.released", "portions.moved"):
        for item in fact.value["items"]:
            bucket = fact.value.get("bucket", 0)
            where = where_of(fact.value["restaurant_id"], item["sku"], bucket, item["version"])
            changes[where].append((item["version"], item["stock"], _sign(fact) * item["quantity"], fact))
    for fact in seen.of("catalog.changed"):
        for stock in fact.value["stocks"]:
            where = where_of(fact.value["restaurant_id"], stock["sku"], 0, stock["version"])
            changes[where].append((stock["version"], stock, None, fact))
    return {where: sorted(found, key=lambda c: c[0]) for where, found in changes.items()}


def never_oversold(seen: Observations) -> Finding:
    """sold + held <= portions after every reservation and loan, for the item and for the promotion's allotment.

    After a PUT of fewer portions more may be reserved than were put. Then nothing is reserved until that is over.
    """
    finding = Finding()
    for where, changes in changes_of_stocks(seen).items():
        taken = 0  # counted from the quantities alone
        for version, stock, delta, fact in changes:
            taken += delta or 0
            if not _takes_portions(fact):
                continue
            pools = [("portions", stock)]
            if (id_ := promotion_of(fact, where[1])) is not None:
                pools.append((id_, stock["allotments"][id_]))
            for name, pool in pools:
                portions = pool["portions"]
                used = pool["reserved"] + pool["wasted"]
                finding.expect(
                    portions is None or used <= portions, f"{where} v{version}: {name}: {used} of {portions}"
                )
            portions = stock["portions"]
            finding.expect(
                portions is None or taken <= portions, f"{where} v{version}: {taken} taken of {portions}"
            )
    return finding


def _takes_portions(fact: Fact) -> bool:
    if fact.topic == "portions.moved":
        return fact.value["direction"] == "out"
    return fact.topic == "stock.reserved"


def promotion_of(fact: Fact, sku: str) -> str | None:
    """Return the promotion in which the fact's order has this item."""
    return next(item["promotion_id"] for item in fact.value["items"] if item["sku"] == sku)


def portions_are_what_was_put(seen: Observations) -> Finding:
    """A stock has the portions of the latest PUT at every time, whatever was ordered and cancelled since.

    The portions of a restaurant with buckets move between them; `portions_conserved` counts those.
    """
    finding = Finding()
    moved = {
        (f.value["restaurant_id"], i["sku"]) for f in seen.of("portions.moved") for i in f.value["items"]
    }
    for where, changes in changes_of_stocks(seen).items():
        put: dict[str, int | None] = {}
        for version, stock, _, fact in changes if not where[2] and where[:2] not in moved else ():
            portions = {name: pool["portions"] for name, pool in [("", stock), *stock["allotments"].items()]}
            if fact.topic == "catalog.changed":
                put = portions
            finding.expect(portions == put, f"{where} v{version}: {portions}, and {put} were put")
    stocks: dict[tuple[str, str], dict[str, Any]] = {}
    answered = {(p.restaurant_id, p.sku, p.promotion_id, p.version): p for p in seen.puts}
    for fact in seen.of("catalog.changed"):
        restaurant = fact.value["restaurant_id"]
        stocks |= {(restaurant, stock["sku"]): stock for stock in fact.value["stocks"]}
        for sku, promotion_id in _put_pools(fact):
            put_ = answered.get((restaurant, sku, promotion_id, fact.value["version"]))
            if put_ is None or (restaurant, sku) in moved:
                continue
            pool = stocks[restaurant, sku]
            if promotion_id:
                pool = pool["allotments"].get(promotion_id, {"portions": "none at all"})
            finding.expect(pool["portions"] == put_.portions, f"{restaurant} {sku}: {pool}, {put_} was put")
    return finding


def _put_pools(fact: Fact) -> Iterator[tuple[str, str]]:
    """Yield the sku of what a PUT changed, with the promotion or an empty text."""
    if (item := fact.value["item"]) is not None:
        yield item["sku"], ""
    if (promotion := fact.value["promotion"]) is not None:
        for offered in promotion["items"]:
            yield offered["sku"], promotion["promotion_id"]


def stock_conserved(seen: Observations) -> Finding:
    """The reserved and wasted portions of a stock are the sum of the quantities of its changes, and of its orders."""
    finding = Finding()
    for where, changes in changes_of_stocks(seen).items():
        taken = 0
        for version, stock, delta, _ in changes:
            taken += delta or 0
            claimed = stock["reserved"] + stock["wasted"]
            finding.expect(
                claimed == taken, f"{where} v{version}: {claimed} taken in the stock, {taken} by the changes"
            )
    held = _taken_by_orders(seen)
    deletions = deletions_over_time(seen)
    for where, changes in changes_of_stocks(seen).items():
        last = changes[-1][1]
        claimed = last["reserved"] + last["wasted"]
        # orders that were cancelled after the deletion gave nothing back
        was_deleted = where[3] < len(deletions[where[:2]])
        finding.expect(
            claimed == held[where] or (was_deleted and claimed > held[where]),
            f"{where}: {claimed} taken in the stock, {held[where]} by orders",
        )
    return finding


def _sign(fact: Fact) -> int:
    """Return the sign by which a fact changes the taken portions: wasted ones stay taken."""
    if fact.topic == "portions.moved":
        return 0
    if fact.topic == "stock.reserved":
        return 1
    return 0 if fact.value["wasted"] else -1


def _taken_by_orders(seen: Observations) -> dict[Where, int]:
    """Return the portions of the orders that are not cancelled, and those that cancelled orders wasted."""
    held: dict[Where, int] = defaultdict(int)
    places = {
        (fact.value["order_id"], where[1]): where
        for where, changes in changes_of_stocks(seen).items()
        for *_, fact in changes
        if fact.topic == "stock.reserved"
    }
    ended = {f.value["order_id"] for f in seen.of("order.cancelled")}
    wasted = {f.value["order_id"] for f in seen.of("stock.released") if f.value["wasted"]}
    for fact in seen.of("order.confirmed"):
        if fact.value["order_id"] in ended - wasted:
            continue
        for line in fact.value["items"]:
            unreserved = (fact.value["restaurant_id"], line["sku"], fact.value.get("bucket", 0), 0)
            held[places.get((fact.value["order_id"], line["sku"]), unreserved)] += line["quantity"]
    return held


def stock_versions_without_gap(seen: Observations) -> Finding:
    """Each stock's versions are 1, 2, 3, ..., each once; after a deletion they go on past it."""
    finding = Finding()
    deletions = deletions_over_time(seen)
    for where, changes in changes_of_stocks(seen).items():
        past = deletions[where[:2]][where[3] - 1][1] if where[3] else 0
        first = changes[0][0] if past and changes[0][0] > past else 1  # past that of another thing, too
        for expected, (version, *_) in enumerate(changes, start=first):
            finding.expect(version == expected, f"{where}: version {version}, expected {expected}")
    return finding


def all_or_nothing(seen: Observations) -> Finding:
    """An order has all its lines reserved once, or none; a failed or cancelled order releases all of them once.

    It does not release items that were deleted in the meantime.
    """
    finding = Finding()
    reserved, released = _moved(seen, "stock.reserved"), _moved(seen, "stock.released")
    gone = _deleted_meanwhile(seen)
    ended = {f.value["order_id"] for f in seen.of("order.cancelled", "order.failed")}
    confirmed = set()
    for fact in seen.of("order.confirmed"):
        order_id = fact.value["order_id"]
        confirmed.add(order_id)
        wanted: dict[str, int] = defaultdict(int)
        for line in fact.value["items"]:
            wanted[line["sku"]] += line["quantity"]
        had = reserved.get(order_id, [])
        finding.expect(had == [dict(wanted)], f"{order_id}: wanted {dict(wanted)}, reserved {had}")
    decided = confirmed | ended
    for order_id, had in reserved.items():
        back = released.pop(order_id, [])
        expected, found = (
            [{sku: n for sku, n in one.items() if sku not in gone[order_id]} for one in moves]
            for moves in (had, back)
        )
        finding.expect(
            found == (expected if order_id in ended else []), f"{order_id}: reserved {had}, released {back}"
        )
        finding.expect(order_id in decided, f"{order_id}: reserved {had}, neither confirmed nor failed")
    for order_id, back in released.items():
        finding.expect(False, f"{order_id}: released {back}, and had reserved nothing")
    return finding


def _deleted_meanwhile(seen: Observations) -> dict[str, set[str]]:
    """Return, by order, the skus of items that were deleted between the order and its release."""
    gone: dict[str, set[str]] = defaultdict(set)
    created = {f.value["order_id"]: milliseconds(f.value["created_at"]) for f in seen.of("order.created")}
    deletions = deletions_over_time(seen)
    for fact in seen.of("stock.released"):
        order_id, until = fact.value["order_id"], milliseconds(fact.value["occurred_at"])
        for (restaurant, sku), history in deletions.items():
            if restaurant == fact.value["restaurant_id"] and any(
                created.get(order_id, until) <= at <= until for at, _ in history
            ):
                gone[order_id].add(sku)
    return gone


def _moved(seen: Observations, topic: str) -> dict[str, list[dict[str, int]]]:
    """Return the quantities by sku of each reservation or release of each order."""
    moves: dict[str, list[dict[str, int]]] = defaultdict(list)
    for fact in seen.of(topic):
        moves[fact.value["order_id"]].append({i["sku"]: i["quantity"] for i in fact.value["items"]})
    return moves


def availability_is_what_is_left(seen: Observations) -> Finding:
    """The availability in a reservation is that of the stock and of the reservation's promotion."""
    finding = Finding()
    for fact in seen.of("stock.reserved"):
        for item in fact.value["items"]:
            left = list(_bounds(item))
            expected = min(left) if left else None
            finding.expect(
                item["available"] == expected,
                f"{fact.event_id} {item['sku']}: {item['available']}, is {expected}",
            )
    return finding


def _bounds(item: dict[str, Any]) -> Iterator[int]:
    pools = [item["stock"]]
    if item["promotion_id"] is not None:
        pools.append(item["stock"]["allotments"][item["promotion_id"]])
    for pool in pools:
        if pool["portions"] is not None:
            yield max(0, pool["portions"] - pool["reserved"] - pool["wasted"])
