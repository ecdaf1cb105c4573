"""Transfers between the buckets of a restaurant: each goes out once and comes in once, and portions are conserved."""

from collections import Counter, defaultdict

from tests.checker.observations import Finding, Observations
from tests.checker.stock import changes_of_stocks


def each_transfer_once(seen: Observations) -> Finding:
    """A transfer leaves its lender once and comes to its borrower once, with the same portions."""
    finding = Finding()
    sides: dict[str, dict[tuple[str, str, int], list[Counter[tuple[str, str]]]]] = {
        "out": defaultdict(list),
        "in": defaultdict(list),
    }
    for fact in seen.of("portions.moved"):
        value = fact.value
        moved: Counter[tuple[str, str]] = Counter()
        for item in value["items"]:
            moved[(item["sku"], item["promotion_id"] or "")] += item["quantity"]
        sides[value["direction"]][(value["lender"], value["borrower"], value["number"])].append(moved)
    for name in sides["out"].keys() | sides["in"].keys():
        out, in_ = sides["out"].get(name, []), sides["in"].get(name, [])
        finding.expect(len(out) == 1, f"{name} went out {len(out)} times")
        finding.expect(len(in_) == 1, f"{name} came in {len(in_)} times")
        finding.expect(out == in_, f"{name}: {out} went out, {in_} came in")
    return finding


def portions_conserved(seen: Observations) -> Finding:
    """All buckets together have the portions of an item that were put, and of each allotment."""
    finding = Finding()
    put: Counter[tuple[str, str, str]] = Counter()  # restaurant, sku, promotion or ""
    held: Counter[tuple[str, str, str]] = Counter()
    bounded: set[tuple[str, str, str]] = set()
    for (restaurant, sku, bucket, _), changes in changes_of_stocks(seen).items():
        before: dict[str, int] = {}
        for _, stock, _, fact in changes:
            now = _portions(stock)
            if fact.topic == "catalog.changed":
                for name, portions in now.items():
                    put[(restaurant, sku, name)] += portions - before.get(name, 0)
                for name in before.keys() - now.keys():
                    put[(restaurant, sku, name)] -= before[name]
            before = now
        for name, portions in before.items():
            held[(restaurant, sku, name)] += portions
            if bucket == 0:
                bounded.add((restaurant, sku, name))
    for where in bounded:
        finding.expect(held[where] == put[where], f"{where}: {put[where]} put, {held[where]} in all buckets")
    return finding


def _portions(stock: dict) -> dict[str, int]:
    """Return the portions of an item, under "", and of its allotments, where they are bounded."""
    pools = {"": stock, **stock["allotments"]}
    return {name: pool["portions"] for name, pool in pools.items() if pool["portions"] is not None}
