"""What the catalogue said at a time: prices and promotions by the instants since when they hold."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from tests.checker.observations import Fact, Observations


def restaurants_with_buckets(seen: Observations) -> set[str]:
    """Return the restaurants whose buckets have exchanged portions."""
    return {fact.value["restaurant_id"] for fact in seen.of("portions.moved")}


def items_over_time(seen: Observations) -> dict[tuple[str, str], list[tuple[int, Any]]]:
    """Return the versions of each item with the times since when they hold; None since it was deleted."""
    return _history(_changes(seen, "item", "sku"))


def prices_over_time(seen: Observations) -> dict[tuple[str, str], list[tuple[int, int | None]]]:
    """Return the prices of each item with the times since when they hold; None since it was deleted."""
    return {
        where: [(since, item and item["price"]["amount"]) for since, item in history]
        for where, history in items_over_time(seen).items()
    }


def promotions_over_time(seen: Observations) -> dict[tuple[str, str], list[tuple[int, Any]]]:
    """Return the versions of each promotion with the times since when they hold; None since it was deleted."""
    return _history(_changes(seen, "promotion", "promotion_id"))


def deletions_over_time(seen: Observations) -> dict[tuple[str, str], list[tuple[int, int]]]:
    """Return the deletions of each item, with their times and versions."""
    return _history(
        (fact, fact.value["deleted_item"], fact.value["version"])
        for fact in seen.of("catalog.changed")
        if fact.value.get("deleted_item") is not None
    )


def _changes(seen: Observations, kind: str, id_field: str) -> Iterator[tuple[Fact, str, Any]]:
    for fact in seen.of("catalog.changed"):
        if (put := fact.value[kind]) is not None:
            yield fact, put[id_field], put
        if (deleted := fact.value.get(f"deleted_{kind}")) is not None:
            yield fact, deleted, None


def _history(changes: Iterator[tuple[Fact, str, Any]]) -> dict[tuple[str, str], list[tuple[int, Any]]]:
    histories: dict[tuple[str, str], list[tuple[int, Any]]] = defaultdict(list)
    for fact, name, value in changes:
        since = milliseconds(fact.value["occurred_at"])
        histories[fact.value["restaurant_id"], name].append((since, value))
    return histories


def values_at(history: list[tuple[int, Any]], at: int) -> list[Any]:
    """Return the value that held before `at`, and those that came at that millisecond; what was deleted has none."""
    before = [value for since, value in history if since < at]
    values = before[-1:] + [value for since, value in history if since == at]
    return [value for value in values if value is not None]


def run_of_order(history: list[tuple[int, Any]], created_at: int) -> int:
    """Return when the promotion's run began that counts an order of this time."""
    runs = {promotion["counted_from"] for _, promotion in history if promotion is not None}
    return max((run for run in runs if run <= created_at), default=0)


def milliseconds(instant: str) -> int:
    """Return an instant (RFC 3339) in milliseconds since 1970."""
    return round(datetime.fromisoformat(instant).timestamp() * 1000)
