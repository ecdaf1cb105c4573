"""The catalogue and the views: versions without a gap, and Redis equal to the fold of the facts."""

import json
from collections import defaultdict
from typing import Any

from tests.checker.observations import Finding, Observations


def catalogue_versions_without_gap(seen: Observations) -> Finding:
    """Each restaurant, item and promotion has versions 1, 2, 3, ... in the order of the log.

    A deletion has a greater version than what it deletes and than every earlier one; new things go on from it.
    """
    finding = Finding()
    last: dict[tuple[str, str], int] = {}
    deleted: dict[str, int] = defaultdict(int)
    for fact in seen.of("catalog.changed"):
        restaurant, version = fact.value["restaurant_id"], fact.value["version"]
        if (name := deleted_name(fact.value)) is not None:
            past = max(deleted[restaurant], last.pop((restaurant, name), 0))
            finding.expect(version > past, f"{restaurant}: {name} is deleted by {version}, after {past}")
            deleted[restaurant] = version
        for name, entity in _entities(fact.value):
            where = (restaurant, name)
            expected = last.get(where, deleted[restaurant]) + 1
            finding.expect(
                entity["version"] == expected, f"{where}: version {entity['version']}, not {expected}"
            )
            last[where] = entity["version"]
    return finding


def views_equal_facts(seen: Observations) -> Finding:
    """After quiet, Redis holds of each restaurant, item, promotion and stock the value of its latest fact, bit by bit."""
    finding = Finding()
    if seen.views is None:
        return finding
    for view, fields in _fold(seen).items():
        held = seen.views.get(view, {})
        for name, (version, value) in fields.items():
            raw = held.get(name)
            stored = raw.partition("|") if raw else None
            same = stored is not None and int(stored[0]) == version and json.loads(stored[2]) == value
            finding.expect(same, f"{view} {name}: holds {raw}, facts have {version}|{json.dumps(value)}")
    return finding


def _fold(seen: Observations) -> dict[str, dict[str, tuple[int, Any]]]:
    views: dict[str, dict[str, tuple[int, Any]]] = defaultdict(dict)

    def put(restaurant: str, name: str, value: dict[str, Any]) -> None:
        fields = views[f"menu:{restaurant}"]
        if name not in fields or fields[name][0] < value["version"]:
            fields[name] = (value["version"], value)

    deleted: dict[tuple[str, str], int] = {}
    for fact in seen.of("catalog.changed"):
        restaurant = fact.value["restaurant_id"]
        if (gone := deleted_name(fact.value)) is not None:
            for name in (gone, gone.replace("item:", "stock:")):
                views[f"menu:{restaurant}"].pop(name, None)
                deleted[restaurant, name] = fact.value["version"]
        for name, entity in _entities(fact.value):
            put(restaurant, name, entity)
        for stock in fact.value["stocks"]:
            put(restaurant, f"stock:{stock['sku']}", stock)
    for fact in seen.of("stock.reserved", "stock.released", "portions.moved"):
        of_bucket = f"#{bucket}" if (bucket := fact.value.get("bucket", 0)) else ""
        for item in fact.value["items"]:
            restaurant, name = fact.value["restaurant_id"], f"stock:{item['sku']}{of_bucket}"
            if item["version"] > deleted.get((restaurant, name), 0):
                put(restaurant, name, item["stock"])
    return views


def deleted_name(value: dict[str, Any]) -> str | None:
    """Return what a change of the catalogue deleted, as the field of a menu that shows it; None: nothing."""
    if value.get("deleted_restaurant") is not None:
        return "restaurant"
    for kind in ("item", "promotion"):
        if (id_ := value.get(f"deleted_{kind}")) is not None:
            return f"{kind}:{id_}"
    return None


def _entities(value: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    found = []
    if value["restaurant"] is not None:
        found.append(("restaurant", value["restaurant"]))
    if value["item"] is not None:
        found.append((f"item:{value['item']['sku']}", value["item"]))
    if value["promotion"] is not None:
        found.append((f"promotion:{value['promotion']['promotion_id']}", value["promotion"]))
    return found


def dead_letters_are_the_poisoned_ones(seen: Observations) -> Finding:
    """Every undecodable record is dead-lettered once, and no other record is."""
    finding = Finding()
    finding.expect(
        seen.dead_letters == seen.poisoned,
        f"{seen.poisoned} undecodable records, {seen.dead_letters} dead letters",
    )
    finding.checked += seen.poisoned
    return finding
