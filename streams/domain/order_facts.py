"""The next version of an order, the fact that carries it, and the answer that the fact gives to the caller."""

from typing import cast

from msgspec.structs import asdict, replace

from schemas.facts import OrderCancelled, OrderConfirmed, OrderFailed, OrderStatusChanged, PaymentRefunded
from schemas.orders import CashLimit, Eta, LimitReached, Order, Reason, Refund, Shortage, Status, order_of
from schemas.replies import Answer, Outcome
from schemas.timestamps import EpochMs, to_text
from streams.domain.order_machine import TRANSITIONS


def next_version(order: Order, now: EpochMs) -> Order:
    """Return the order with its next version, changed at `now`."""
    return replace(order, version=order.version + 1, updated_at=to_text(now))


def confirmed(
    order: Order, now: EpochMs, *, eta: Eta, paid: bool, request_fingerprint: str
) -> OrderConfirmed:
    """Return the fact that the restaurant has the order."""
    after = replace(next_version(order, now), status=TRANSITIONS[("pending", "confirm")], eta=eta, paid=paid)
    return OrderConfirmed(
        **asdict(after), request_fingerprint=request_fingerprint, occurred_at=after.updated_at
    )


def failed(
    order: Order,
    now: EpochMs,
    reason: Reason,
    *,
    skus: list[str],
    shortages: list[Shortage],
    request_fingerprint: str,
    limits: list[LimitReached],
    cash_limits: list[CashLimit],
) -> OrderFailed:
    """Return the fact that the order will not be confirmed; `skus` are the items that the reason is about."""
    status = TRANSITIONS[("pending", "refuse")]
    after = replace(next_version(order, now), status=status, reason=reason, shortages=shortages)
    return OrderFailed(
        **asdict(after),
        request_fingerprint=request_fingerprint,
        skus=skus,
        occurred_at=after.updated_at,
        limits=limits,
        cash_limits=cash_limits,
    )


def status_changed(order: Order, now: EpochMs, status: Status) -> OrderStatusChanged:
    """Return the fact that the restaurant moved the order on."""
    after = replace(next_version(order, now), status=status)
    return OrderStatusChanged(**asdict(after), occurred_at=after.updated_at)


def cancelled(order: Order, now: EpochMs, reason: Reason, refund: Refund | None) -> OrderCancelled:
    """Return the fact that a confirmed order is cancelled; `refund` where money has moved."""
    after = replace(next_version(order, now), status="cancelled", reason=reason, refund=refund)
    return OrderCancelled(**asdict(after), occurred_at=after.updated_at)


def refunded(order: Order, now: EpochMs) -> PaymentRefunded:
    """Return the fact that the money of a cancelled order went back."""
    after = replace(next_version(order, now), refund=Refund("refunded", order.total))
    return PaymentRefunded(**asdict(after), occurred_at=after.updated_at)


def answer_of(fact: OrderConfirmed | OrderFailed) -> Answer:
    """Return the answer that is stored under the order's idempotency key, made of the fact alone.

    A pending order that the customer or the restaurant cancels is answered as one whose payment was declined.
    """
    if isinstance(fact, OrderConfirmed):
        return Answer("confirmed", order_of(fact))
    outcome = "payment_declined" if fact.reason in ("customer", "restaurant") else fact.reason
    return Answer(
        cast(Outcome, outcome),
        order_of(fact),
        skus=fact.skus,
        limits=fact.limits,
        cash_limits=fact.cash_limits,
    )
