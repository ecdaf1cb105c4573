"""What the catalogue said at a time: prices and promotions by the instants since when they hold."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from tests.checker.observations import Fact, Observations


def restaurants_with_buckets(seen: Observations) -> set[str]:
    """Return the restaurants whose buckets have exchanged portions."""
    return {fact.value["restaurant_id"] for fact in seen.of("portions.moved")}


def prices_over_time(seen: Observations) -> dict[tuple[str, str], list[tuple[int, int]]]:
    """Return the prices of each item with the times since when they hold."""
    return _history(
        (fact, item["sku"], item["price"]["amount"])
        for fact in seen.of("catalog.changed")
        if (item := fact.value["item"]) is not None
    )


def promotions_over_time(seen: Observations) -> dict[tuple[str, str], list[tuple[int, Any]]]:
    """Return the versions of each promotion with the times since when they hold."""
    return _history(
        (fact, promotion["promotion_id"], promotion)
        for fact in seen.of("catalog.changed")
        if (promotion := fact.value["promotion"]) is not None
    )


def _history(changes: Iterator[tuple[Fact, str, Any]]) -> dict[tuple[str, str], list[tuple[int, Any]]]:
    histories: dict[tuple[str, str], list[tuple[int, Any]]] = defaultdict(list)
    for fact, name, value in changes:
        since = milliseconds(fact.value["occurred_at"])
        histories[fact.value["restaurant_id"], name].append((since, value))
    return histories


def values_at(history: list[tuple[int, Any]], at: int) -> list[Any]:
    """Return the value that held before `at`, and those that came at that millisecond."""
    before = [value for since, value in history if since < at]
    return before[-1:] + [value for since, value in history if since == at]


def run_of_order(history: list[tuple[int, Any]], created_at: int) -> int:
    """Return when the promotion's run began that counts an order of this time."""
    runs = {promotion["counted_from"] for _, promotion in history}
    return max((run for run in runs if run <= created_at), default=0)


def milliseconds(instant: str) -> int:
    """Return an instant (RFC 3339) in milliseconds since 1970."""
    return round(datetime.fromisoformat(instant).timestamp() * 1000)
