"""Money: the provider's ledger agrees with the orders."""

from collections import defaultdict
from typing import Any

from tests.checker.observations import Finding, Observations

#: Paid on delivery, not through the provider.
CASH = "cash"


def money_is_where_orders_say(seen: Observations) -> Finding:
    """authorised - refunded = the total of the paid orders that are not cancelled; each order moves money at most once each way."""
    finding = Finding()
    if seen.ledger is None:
        return finding
    moved: dict[str, dict[str, list[int]]] = defaultdict(lambda: {"authorised": [], "refunded": []})
    for entry in seen.ledger:
        moved[entry.order_id][entry.kind].append(entry.amount)
    orders = _latest(seen)
    for order_id in orders.keys() | moved.keys():
        authorised, refunded = moved[order_id]["authorised"], moved[order_id]["refunded"]
        order = orders.get(order_id)
        stands = order is not None and order["status"] != "cancelled" and order["payment_method"] != CASH
        due = order["total"]["amount"] if order is not None and stands else 0
        what = f"{order_id}: authorised {authorised}, refunded {refunded}, due {due}"
        finding.expect(len(authorised) <= 1 and len(refunded) <= 1, f"{what}: more than once")
        finding.expect(sum(authorised) - sum(refunded) == due, what)
    return finding


def refunds_are_published(seen: Observations) -> Finding:
    """Every refund in the ledger has one fact, and every fact of a refund is in the ledger."""
    finding = Finding()
    if seen.ledger is None:
        return finding
    given = {e.order_id: e.amount for e in seen.ledger if e.kind == "refunded"}
    published = [
        (f.value["order_id"], f.value["refund"]["amount"]["amount"]) for f in seen.of("payment.refunded")
    ]
    amounts = dict(published)
    finding.expect(len(published) == len(amounts), "a refund was published twice")
    for order_id, amount in given.items():
        finding.expect(
            amounts.get(order_id) == amount,
            f"{order_id}: {amount} refunded, {amounts.get(order_id)} published",
        )
    for order_id, _ in published:
        finding.expect(order_id in given, f"{order_id}: a refund was published that was not given")
    return finding


def _latest(seen: Observations) -> dict[str, dict[str, Any]]:
    latest: dict[str, dict[str, Any]] = {}
    for fact in seen.facts:
        value = fact.value
        if "status" in value and value["version"] > latest.get(value["order_id"], {"version": 0})["version"]:
            latest[value["order_id"]] = value
    return latest
