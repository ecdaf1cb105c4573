"""Responses to orders, made of the decision alone: the same decision always gives the same bytes."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from aiohttp import web
from msgspec import UNSET, UnsetType

from ingress.http.problems import FieldError, Problem, Unavailable, invalid
from ingress.http.tokens import Tokens
from schemas.money import Money
from schemas.orders import Eta, Order, OrderLine
from schemas.replies import Answer, Reply

JSON = {"Content-Type": "application/json"}
PRIVATE = JSON | {"Cache-Control": "private, no-store"}
REPLAYED = {"Idempotency-Replayed": "true"}

#: Outcomes of a change that was made.
CHANGED_OUTCOMES = frozenset({"advanced", "cancelled"})

#: The problem of every outcome that is a refusal.
PROBLEM_SLUGS: dict[str, str] = {
    "out_of_stock": "out-of-stock",
    "price_changed": "price-changed",
    "promotion_closed": "promotion-closed",
    "limit_reached": "limit-reached",
    "cash_limit_reached": "cash-limit-reached",
    "customer_required": "customer-required",
    "unknown_restaurant": "unknown-restaurant",
    "unknown_item": "unknown-item",
    "payment_declined": "payment-declined",
    "payment_timeout": "payment-declined",
    "unknown_order": "unknown-order",
    "too_late": "too-late",
    "invalid_transition": "invalid-transition",
    "key_reused": "idempotency-key-reused",
    "wrong_version": "wrong-version",
    "too_many_items": "too-many-items",
    "too_many_promotions": "too-many-promotions",
    "unknown_promotion": "unknown-promotion",
    "not_empty": "not-empty",
    "open_orders": "open-orders",
    "has_buckets": "has-buckets",
}

#: The field error of every fault of a promotion.
FIELD_ERRORS: dict[str, str] = {
    "not_cheaper": "below-price",
    "over": "in-the-future",
    "too_many_portions": "maximum",
}

encode = msgspec.json.Encoder().encode


class ConfirmedOrder(msgspec.Struct, frozen=True):
    """The body of 201: the order is confirmed. `token` is left out if the request cannot be distinguished from a stranger's."""

    order_id: str
    restaurant_id: str
    status: Literal["received"]
    items: list[OrderLine]
    total: Money
    eta: Eta | None
    token: str | UnsetType
    events_url: str


class PendingOrder(msgspec.Struct, frozen=True):
    """The body of 202: the order is accepted and not decided yet."""

    order_id: str
    restaurant_id: str
    status: Literal["pending"]
    token: str
    events_url: str


def respond(body: msgspec.Struct, headers: Mapping[str, str] = JSON, status: int = 200) -> web.Response:
    """Return the response with this body as JSON."""
    return web.Response(status=status, body=encode(body), headers=headers)


def order_url(order_id: str) -> str:
    """Return the path of an order."""
    return f"/v1/orders/{order_id}"


def events_url(order_id: str) -> str:
    """Return the path of an order's event stream."""
    return f"/v1/orders/{order_id}/events"


def respond_pending(order_id: str, restaurant_id: str, token: str) -> web.Response:
    """Return the response to an order that is not decided yet."""
    body = PendingOrder(order_id, restaurant_id, "pending", token, events_url(order_id))
    return respond(body, JSON | {"Location": order_url(order_id)}, 202)


def respond_decided(reply: Reply, tokens: Tokens | None) -> web.Response:
    """Return the response to a confirmed order; raises the Problem of a refused one.

    `tokens`: None if the request has not proved that it is the one that placed the order.
    """
    answer, replayed = reply.answer, REPLAYED if reply.replayed else {}
    order = answer.order
    if answer.outcome != "confirmed" or order is None:
        raise problem_of(answer, replayed)
    body = ConfirmedOrder(
        order.order_id,
        order.restaurant_id,
        "received",
        order.items,
        order.total,
        order.eta,
        UNSET if tokens is None else tokens.order(order.order_id, order.holder or "", order.created_at),
        events_url(order.order_id),
    )
    return respond(body, JSON | {"Location": order_url(order.order_id)} | replayed, 201)


def problem_of(answer: Answer, headers: dict[str, str]) -> Problem:
    """Return the problem of a refusal; Unavailable for an outcome that is unknown here."""
    if answer.outcome == "invalid_promotion":
        return invalid(*(FieldError(f.pointer, FIELD_ERRORS[f.kind], f.expected) for f in answer.faults))
    slug = PROBLEM_SLUGS.get(answer.outcome)
    if slug is None:
        return Unavailable()
    return Problem(slug, members=_members(answer), headers=headers)


def _members(answer: Answer) -> dict[str, Any]:
    members: dict[str, Any] = {}
    if answer.order is not None:
        members["order_id"] = answer.order.order_id
        members |= _details(answer, answer.order)
    if answer.skus:
        members["skus"] = answer.skus
    if answer.outcome == "wrong_version":
        members["webhook_secret_version"] = answer.webhook_secret_version
    if answer.limit:
        members["limit"] = answer.limit
    if answer.required_assurance:
        members["required_assurance"] = answer.required_assurance
    return members


def _details(answer: Answer, order: Order) -> dict[str, Any]:
    outcome = answer.outcome
    if outcome == "out_of_stock":
        return {"items": order.shortages}
    if outcome == "price_changed":
        prices = {line.sku: line.unit_price for line in order.items if line.sku in answer.skus}
        return {"items": [{"sku": sku, "unit_price": price} for sku, price in prices.items()]}
    if answer.cash_limits:
        return {"limits": answer.cash_limits}
    if answer.limits:
        return {"items": answer.limits}
    if outcome in ("payment_declined", "payment_timeout"):
        return {"reason": order.reason}
    if outcome in ("too_late", "invalid_transition"):
        return {"order_status": order.status}
    return {}
