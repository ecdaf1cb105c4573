"""Cash orders: what is open never passes a limit, and none is refused without need."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any

from tests.checker.histories import milliseconds, promotions_over_time, restaurants_with_buckets, values_at
from tests.checker.observations import Finding, Observations

#: Restaurant and bucket; scope; customer, address, or promotion and sku.
Subject = tuple[tuple[str, int], str, str]
#: When something was held or given back, and how much.
Timeline = list[tuple[int, int]]


def cash_holds_are_bounded(seen: Observations) -> Finding:
    """No confirmed cash order leaves more open than its customer, its address and its promotion may have.

    An order is open until it is out for delivery or cancelled. What ends in an order's millisecond has ended before it,
    and a limit that changes in it counts as both. Each bucket has the limits for itself; for promotions, restaurants
    with buckets are left out, since a PUT reaches other buckets a moment later.
    """
    finding = Finding()
    allowed = _Limits(seen)
    for subject, timeline in _timelines(seen).items():
        count = 0
        for at, group in groupby(sorted(timeline), key=itemgetter(0)):
            changes = [change for _, change in group]
            count += sum(changes)
            limits = allowed.at(subject, at)
            finding.expect(
                max(changes) < 0 or not limits or any(limit is None or count <= limit for limit in limits),
                f"{subject} at {at}: {count} held, limit {limits}",
            )
    return finding


def cash_refusals_have_a_reason(seen: Observations) -> Finding:
    """An order is refused for a limit only if open cash orders leave too little of it, and it pays in cash.

    What ends in the refusal's millisecond was still open.
    """
    finding = Finding()
    timelines = _timelines(seen)
    for fact in seen.of("order.failed"):
        order = fact.value
        at = milliseconds(order["occurred_at"])
        for limit in order.get("cash_limits", ()):
            finding.expect(order["payment_method"] == "cash", f"{order['order_id']}: {limit} without cash")
            for subject, wanted in _held_by(order):
                if not _is_of(limit, subject):
                    continue
                held = sum(c for when, c in timelines[subject] if when < at or (when == at and c > 0))
                finding.expect(
                    held + wanted > limit["limit"] and limit["left"] >= limit["limit"] - held,
                    f"{order['order_id']}: refused for {limit}, {held} held",
                )
    finding.checked += len(seen.of("order.failed"))
    return finding


class _Limits:
    """What a subject may hold at a time."""

    def __init__(self, seen: Observations) -> None:
        self._by_scope = seen.cash_limits
        self._promotions = promotions_over_time(seen)
        self._with_buckets = restaurants_with_buckets(seen)

    def at(self, subject: Subject, at: int) -> list[int | None]:
        """Return the limits that may have held at `at`; empty: it is not known, None: no limit."""
        (restaurant, _), scope, name = subject
        if scope != "promotion":
            return [self._by_scope[scope]] if scope in self._by_scope else []
        promotion_id, _, sku = name.partition(" ")
        return [
            offer.get("cash_portions")
            for promotion in values_at(self._promotions[restaurant, promotion_id], at)
            for offer in promotion["items"]
            if offer["sku"] == sku and restaurant not in self._with_buckets
        ]


def _timelines(seen: Observations) -> dict[Subject, Timeline]:
    """Return what each subject held and gave back, by time."""
    timelines: dict[Subject, Timeline] = defaultdict(list)
    ended: set[str] = set()
    for fact in seen.of("order.confirmed", "order.status-changed", "order.cancelled"):
        order, order_id = fact.value, fact.value["order_id"]
        if order["payment_method"] != "cash" or order["status"] == "preparing" or order_id in ended:
            continue
        is_open = fact.topic == "order.confirmed"
        if not is_open:
            ended.add(order_id)
        for subject, count in _held_by(order):
            change = count if is_open else -count
            timelines[subject].append((milliseconds(order["updated_at"]), change))
    return timelines


def _held_by(order: dict[str, Any]) -> Iterator[tuple[Subject, int]]:
    """Yield what a cash order holds while it is open."""
    where = (order["restaurant_id"], order.get("bucket", 0))
    if order["customer_id"] is not None:
        yield (where, "customer", order["customer_id"]), 1
    if order.get("cash_client"):
        yield (where, "address", order["cash_client"]), 1
    portions: dict[str, int] = defaultdict(int)
    for line in order["items"]:
        if line["promotion_id"] is not None:
            portions[f"{line['promotion_id']} {line['sku']}"] += line["quantity"]
    for name, count in portions.items():
        yield (where, "promotion", name), count


def _is_of(limit: dict[str, Any], subject: Subject) -> bool:
    _, scope, name = subject
    return limit["scope"] == scope and ("sku" not in limit or name.endswith(f" {limit['sku']}"))
