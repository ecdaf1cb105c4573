"""Menus: marked as degraded when old, without counts when degraded, and in the end equal to the facts."""

import json
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from schemas.view_keys import REFUSED_ORDER_TTL_SECONDS
from tests.checker.observations import Finding, Observations
from tests.checker.orders import ORDER_TOPICS

#: The contract's 3 s, and half a second for transfer and cache.
STALE_MS = 3_500
#: A refused order may leave this much before its time, since readers take a moment.
EARLY_SECONDS = 30
SHOWN = ("order_id", "restaurant_id", "status", "items", "total", "version")


def stale_reads_say_so(seen: Observations) -> Finding:
    """A menu that is more than 3 s old is marked as degraded."""
    finding = Finding()
    for read in seen.reads:
        age = read.asked_at - read.as_of
        finding.expect(
            age <= STALE_MS or read.degraded, f"{read.restaurant_id} at {read.asked_at}: {age} ms old"
        )
    return finding


def degraded_reads_show_no_count(seen: Observations) -> Finding:
    """A degraded menu has no counts, and no item on it is `available`."""
    finding = Finding()
    for read in seen.reads:
        if read.degraded:
            for sku, (state, count) in read.availability.items():
                honest = count is None and state in ("limited", "sold_out")
                finding.expect(honest, f"{read.restaurant_id} {sku} at {read.asked_at}: {state}, {count}")
    return finding


def counts_are_as_fresh_as_they_say(seen: Observations) -> Finding:
    """A count on a menu that is not degraded was true at some time between its as_of and the response."""
    finding = Finding()
    versions = _versions(seen)
    for read in seen.reads:
        if read.degraded:
            continue
        for sku, (_, count) in read.availability.items():
            times, stocks = versions[(read.restaurant_id, sku)]
            first = max(0, bisect_left(times, read.as_of) - 1)
            past = bisect_right(times, read.answered_at)
            possible = {left for stock in stocks[first:past] for left in _left(stock)}
            finding.expect(
                count in possible,
                f"{read.restaurant_id} {sku}: {count} left as of {read.as_of}, could be {possible}",
            )
    return finding


def _versions(seen: Observations) -> dict[tuple[str, str], tuple[list[int], list[dict[str, Any]]]]:
    """Return the times of the changes of each stock, and the resulting values, by restaurant and sku."""
    changes: dict[tuple[str, str], list[tuple[int, int, dict[str, Any]]]] = defaultdict(list)
    for fact in seen.of("stock.reserved", "stock.released", "catalog.changed"):
        at = _milliseconds(fact.value["occurred_at"])
        stocks = fact.value["stocks"] if "stocks" in fact.value else [i["stock"] for i in fact.value["items"]]
        for stock in stocks:
            changes[(fact.value["restaurant_id"], stock["sku"])].append((stock["version"], at, stock))
    ordered = {where: sorted(found, key=lambda c: c[0]) for where, found in changes.items()}
    return defaultdict(
        lambda: ([], []),
        {where: ([at for _, at, _ in found], [s for *_, s in found]) for where, found in ordered.items()},
    )


def _left(stock: dict[str, Any]) -> Iterator[int | None]:
    """Yield the counts that may be shown: of the item alone, or within one of its promotions."""
    free = _free(stock)
    for pool in (None, *(_free(allotment) for allotment in stock["allotments"].values())):
        bounds = [bound for bound in (free, pool) if bound is not None]
        yield max(0, min(bounds)) if bounds else None


def _free(pool: dict[str, Any]) -> int | None:
    return None if pool["portions"] is None else max(0, pool["portions"] - pool["reserved"] - pool["wasted"])


def _milliseconds(instant: str) -> int:
    return round(datetime.fromisoformat(instant).timestamp() * 1000)


def known_restaurants_are_known(seen: Observations) -> Finding:
    """No reader gets a 404 for an existing restaurant, even if the views are lost."""
    finding = Finding(checked=len(seen.reads))
    for restaurant, status in seen.failed_reads:
        finding.expect(status != 404, f"{restaurant}: {status}")
    return finding


def order_views_equal_facts(seen: Observations) -> Finding:
    """After quiet, Redis holds of each order the value of its latest fact; refused ones may be gone after their time.

    A lost Redis is filled from all facts, and keeps those of refused orders for some minutes again.
    """
    finding = Finding()
    if seen.order_views is None:
        return finding
    latest: dict[str, dict[str, Any]] = {}
    for fact in seen.of(*ORDER_TOPICS):
        order_id = fact.value["order_id"]
        if order_id not in latest or latest[order_id]["version"] < fact.value["version"]:
            latest[order_id] = fact.value
    for order_id, value in latest.items():
        raw = seen.order_views.get(order_id)
        if _is_refused(value):
            age_seconds = (seen.order_views_read_at - _milliseconds(value["updated_at"])) / 1000
            if raw is None and age_seconds > REFUSED_ORDER_TTL_SECONDS - EARLY_SECONDS:
                continue
        held = json.loads(raw.partition("|")[2]) if raw else {}
        same = all(held.get(name) == value[name] for name in SHOWN)
        finding.expect(same, f"{order_id}: holds {raw}, facts have {value['version']}, {value['status']}")
    return finding


def _is_refused(order: dict[str, Any]) -> bool:
    return order["status"] == "cancelled" and not order.get("eta") and not order.get("refund")
