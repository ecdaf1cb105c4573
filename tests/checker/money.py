"""Money: the provider's ledger agrees with the orders, life by life: an order's id may have several, a payment's one."""

from collections import defaultdict
from typing import Any

from tests.checker.observations import Finding, LedgerEntry, Observations
from tests.checker.orders import ORDER_TOPICS

#: Paid on delivery, not through the provider.
CASH = "cash"


def money_is_where_orders_say(seen: Observations) -> Finding:
    """authorised - refunded = what a life owes: its total, or nothing once it is cancelled; money moves at most once each way."""
    finding = Finding()
    if seen.ledger is None:
        return finding
    moved = _moves(seen.ledger)
    lives = _latest(seen)
    for payment_id in lives.keys() | moved.keys():
        authorised = [entry.amount for entry in moved[payment_id]["authorised"]]
        refunded = [entry.amount for entry in moved[payment_id]["refunded"]]
        life = lives.get(payment_id)
        stands = life is not None and life["status"] != "cancelled" and life["payment_method"] != CASH
        due = life["total"]["amount"] if life is not None and stands else 0
        what = f"{payment_id}: authorised {authorised}, refunded {refunded}, due {due}"
        finding.expect(len(authorised) <= 1 and len(refunded) <= 1, f"{what}: more than once")
        finding.expect(sum(authorised) - sum(refunded) == due, what)
    return finding


def refunds_name_what_they_return(seen: Observations) -> Finding:
    """A refund of a confirmed payment names its authorisation, and no refund names another payment's."""
    finding = Finding()
    if seen.ledger is None:
        return finding
    paid = {payment_of(f.value) for f in seen.of("order.confirmed") if f.value["paid"]}
    for payment_id, moves in _moves(seen.ledger).items():
        own = {entry.reference for entry in moves["authorised"]}
        for refund in moves["refunded"]:
            is_named = refund.returns in own or (not refund.returns and payment_id not in paid)
            finding.expect(is_named, f"{payment_id}: the refund names {refund.returns!r}, not one of {own}")
    return finding


def confirmations_name_their_authorisation(seen: Observations) -> Finding:
    """A paid order carries the reference of its own payment's authorisation, in each version from then on."""
    finding = Finding()
    if seen.ledger is None:
        return finding
    moved = _moves(seen.ledger)
    for fact in seen.of(*ORDER_TOPICS):
        if fact.value["paid"]:
            payment_id, reference = payment_of(fact.value), fact.value.get("payment_reference")
            own = {entry.reference for entry in moved[payment_id]["authorised"]}
            finding.expect(reference in own, f"{payment_id}: paid by {reference}, not one of {own}")
    return finding


def refunds_are_published(seen: Observations) -> Finding:
    """Every refund in the ledger has one fact, and every fact of a refund is in the ledger."""
    finding = Finding()
    if seen.ledger is None:
        return finding
    given = {e.payment_id: e.amount for e in seen.ledger if e.kind == "refunded"}
    published = [
        (payment_of(f.value), f.value["refund"]["amount"]["amount"]) for f in seen.of("payment.refunded")
    ]
    amounts = dict(published)
    finding.expect(len(published) == len(amounts), "a refund was published twice")
    for payment_id, amount in given.items():
        finding.expect(
            amounts.get(payment_id) == amount,
            f"{payment_id}: {amount} refunded, {amounts.get(payment_id)} published",
        )
    for payment_id, _ in published:
        finding.expect(payment_id in given, f"{payment_id}: a refund was published that was not given")
    return finding


def payment_of(order: dict[str, Any]) -> str:
    """Return the id of the payment of this life of an order; an order without one has its own id for it."""
    return order.get("payment_id") or order["order_id"]


def _moves(ledger: list[LedgerEntry]) -> dict[str, dict[str, list[LedgerEntry]]]:
    moved: dict[str, dict[str, list[LedgerEntry]]] = defaultdict(lambda: {"authorised": [], "refunded": []})
    for entry in ledger:
        moved[entry.payment_id][entry.kind].append(entry)
    return moved


def _latest(seen: Observations) -> dict[str, dict[str, Any]]:
    """Return the latest version of each life."""
    latest: dict[str, dict[str, Any]] = {}
    for fact in seen.of(*ORDER_TOPICS):
        payment_id = payment_of(fact.value)
        if fact.value["version"] > latest.get(payment_id, {"version": 0})["version"]:
            latest[payment_id] = fact.value
    return latest
