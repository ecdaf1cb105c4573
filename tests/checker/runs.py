"""Runs of promotions: what an allotment counts is what the orders of its run have taken."""

from collections import Counter

from tests.checker.histories import (
    milliseconds,
    promotions_over_time,
    restaurants_with_buckets,
    run_of_order,
    values_at,
)
from tests.checker.observations import Finding, Observations
from tests.checker.stock import changes_of_stocks


def allotments_count_their_run(seen: Observations) -> Finding:
    """Each allotment of a stock counts the portions of all orders of the promotion's present run, and of no other.

    One of an earlier run may stay with an item that has left the promotion.

    A promotion that changes in the millisecond of the stock's change may be in either run. Restaurants with buckets are
    left out: their portions move.
    """
    finding = Finding()
    promotions, with_buckets = promotions_over_time(seen), restaurants_with_buckets(seen)
    created = {f.value["order_id"]: milliseconds(f.value["created_at"]) for f in seen.of("order.created")}
    orders = {f.value["order_id"]: f.value for f in seen.of("order.created")}
    for (restaurant, sku, *_), changes in changes_of_stocks(seen).items():
        taken: Counter[tuple[str, int]] = Counter()  # by promotion and run
        for version, stock, delta, fact in changes if restaurant not in with_buckets else ():
            order_id = fact.value.get("order_id")
            if order_id in orders:
                promotion_id = next(
                    (i["promotion_id"] for i in orders[order_id]["items"] if i["sku"] == sku), None
                )
                if promotion_id is not None:
                    run = run_of_order(promotions[restaurant, promotion_id], created[order_id])
                    taken[promotion_id, run] += delta or 0
            at = milliseconds(fact.value["occurred_at"])
            for promotion_id, allotment in stock["allotments"].items():
                counts = {
                    taken[promotion_id, promotion["counted_from"]]
                    for promotion in values_at(promotions[restaurant, promotion_id], at)
                    if promotion["counted_from"] == allotment["counted_from"]
                }
                claimed = allotment["reserved"] + allotment["wasted"]
                finding.expect(
                    not counts or claimed in counts,
                    f"{restaurant} {sku} v{version}: {promotion_id} counts {claimed}, its run has {counts}",
                )
    return finding


def ended_promotions_leave_the_stocks(seen: Observations) -> Finding:
    """When an allotment is added to a stock, none of a promotion remains that has retired."""
    finding = Finding()
    promotions = promotions_over_time(seen)
    for (restaurant, sku, bucket, _), changes in changes_of_stocks(seen).items():
        known: set[str] = set()
        for version, stock, _, fact in changes if not bucket else ():
            at = milliseconds(fact.value["occurred_at"])
            is_new = fact.topic == "catalog.changed" and not stock["allotments"].keys() <= known
            known = set(stock["allotments"])
            if not is_new:
                continue
            for promotion_id in known:
                ends = [p["ends_at"] for p in values_at(promotions[restaurant, promotion_id], at)]
                is_retired = bool(ends) and max(ends) + seen.promotion_retirement_ms <= at
                finding.expect(not is_retired, f"{restaurant} {sku} v{version}: still has {promotion_id}")
    return finding


def runs_begin_after_retirement(seen: Observations) -> Finding:
    """A promotion's run begins with its first PUT, and another one only when it had retired."""
    finding = Finding()
    for (restaurant, promotion_id), history in promotions_over_time(seen).items():
        before = None
        for at, promotion in history:
            if promotion is None:  # deleted: a PUT of it begins another run
                before = None
                continue
            begins = before is None or promotion["counted_from"] != before["counted_from"]
            may_begin = before is None or before["ends_at"] + seen.promotion_retirement_ms <= at
            must_begin = may_begin and (before is None or promotion["ends_at"] != before["ends_at"])
            finding.expect(
                (not begins or may_begin) and (begins or not must_begin),
                f"{restaurant} {promotion_id} at {at}: the run of {promotion['counted_from']} after {before}",
            )
            before = promotion
    return finding
