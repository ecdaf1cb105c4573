"""Deletions: what is gone is gone everywhere, and what comes again under its id has no past."""

from collections import defaultdict
from typing import Any

from tests.checker.histories import items_over_time, milliseconds, promotions_over_time, values_at
from tests.checker.observations import Finding, Observations
from tests.checker.stock import changes_of_stocks

KINDS = ("restaurant", "item", "promotion")


def deleted_things_leave_the_views(seen: Observations) -> Finding:
    """After quiet, no view has a field of what was deleted and not put again."""
    finding = Finding()
    if seen.views is None:
        return finding
    exists: dict[tuple[str, str, str], bool] = {}
    for fact in seen.of("catalog.changed"):
        for kind in KINDS:
            if (put := fact.value[kind]) is not None:
                exists[fact.value["restaurant_id"], kind, _id_of(put, kind)] = True
            if (id_ := fact.value.get(f"deleted_{kind}")) is not None:
                exists[fact.value["restaurant_id"], kind, id_] = False
    for (restaurant, kind, id_), is_there in exists.items():
        shown = [
            f"{view} {field}"
            for view, field in _fields(restaurant, kind, id_)
            if field in seen.views.get(view, {})
        ]
        finding.expect(is_there or not shown, f"{restaurant} {kind} {id_}: deleted, and shown in {shown}")
    return finding


def _id_of(put: dict[str, Any], kind: str) -> str:
    return str(put["sku" if kind == "item" else f"{kind}_id"])


def _fields(restaurant: str, kind: str, id_: str) -> list[tuple[str, str]]:
    menu = f"menu:{restaurant}"
    if kind == "item":
        return [(menu, f"item:{id_}"), (menu, f"stock:{id_}")]
    if kind == "promotion":
        return [(menu, f"promotion:{id_}"), ("promotions", f"{restaurant}/{id_}")]
    return [(menu, "restaurant"), (menu, "partition"), ("restaurants", restaurant)]


def nothing_is_sold_of_what_is_deleted(seen: Observations) -> Finding:
    """A reservation is of an item that exists, and of a promotion that exists; a change in its millisecond counts as both."""
    finding = Finding()
    items, promotions = items_over_time(seen), promotions_over_time(seen)
    for fact in seen.of("stock.reserved"):
        restaurant, at = fact.value["restaurant_id"], milliseconds(fact.value["occurred_at"])
        for item in fact.value["items"]:
            what = f"{fact.value['order_id']} {item['sku']}"
            finding.expect(bool(values_at(items[restaurant, item["sku"]], at)), f"{what}: deleted")
            if (id_ := item["promotion_id"]) is not None:
                finding.expect(bool(values_at(promotions[restaurant, id_], at)), f"{what}: {id_} was deleted")
    return finding


def new_lives_begin_empty(seen: Observations) -> Finding:
    """A stock begins with nothing reserved, and gets back only what was reserved in it."""
    finding = Finding()
    for where, changes in changes_of_stocks(seen).items():
        reserved: dict[str, int] = defaultdict(int)
        for number, (version, stock, delta, fact) in enumerate(changes):
            if number == 0 and fact.topic == "catalog.changed":
                finding.expect(not stock["reserved"] and not stock["wasted"], f"{where}: begins with {stock}")
            if (order_id := fact.value.get("order_id")) is not None:
                reserved[order_id] += delta or 0
                finding.expect(reserved[order_id] >= 0, f"{where} v{version}: {order_id} had nothing of it")
    return finding
