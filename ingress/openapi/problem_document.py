"""A problem as it is sent, and the examples of all of them."""

import json
from typing import Any

from msgspec import UNSET, Struct, UnsetType

from ingress.openapi.examples import ORDER_ID
from ingress.problems import Fault, Problem, document
from ingress.texts import Language
from schemas.money import Money


class FaultEntry(Struct, frozen=True):
    """One thing that is wrong, and where: a JSON pointer into the body, a header or a parameter."""

    detail: str
    pointer: str | UnsetType = UNSET
    header: str | UnsetType = UNSET
    parameter: str | UnsetType = UNSET


class ItemNow(Struct, frozen=True):
    """An item that an order could not have: what is left of it, or its price now."""

    sku: str
    available: int | UnsetType = UNSET
    unit_price: Money | UnsetType = UNSET


class ProblemDocument(Struct, frozen=True):
    """RFC 9457. `type` is stable and leads to its meaning; further members depend on it."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FaultEntry] | UnsetType = UNSET
    order_id: str | UnsetType = UNSET
    items: list[ItemNow] | UnsetType = UNSET
    skus: list[str] | UnsetType = UNSET
    reason: str | UnsetType | None = UNSET
    order_status: str | UnsetType = UNSET


_SKUS = {"order_id": ORDER_ID, "skus": ["coxinha"]}
_PRICE_NOW = {"sku": "coxinha", "unit_price": {"amount": 990, "currency": "BRL"}}
_FAULTS = {
    "invalid-request": (
        Fault("/items/0/quantity", "minimum", 1),
        Fault("/payment/method", "enum", "pix, card, cash"),
    )
}
_MEMBERS: dict[str, dict[str, Any]] = {
    "out-of-stock": _SKUS | {"items": [{"sku": "coxinha", "available": 1}]},
    "price-changed": _SKUS | {"items": [_PRICE_NOW]},
    "promotion-closed": _SKUS,
    "limit-reached": _SKUS,
    "unknown-item": {"skus": ["coxinha"]},
    "customer-required": {"skus": ["coxinha"]},
    "payment-declined": {"order_id": ORDER_ID, "reason": "payment_declined"},
    "too-late": {"order_id": ORDER_ID, "order_status": "preparing"},
    "invalid-transition": {"order_id": ORDER_ID, "order_status": "delivered"},
}


def example(slug: str, language: Language) -> Any:
    """Return a problem of this slug as it is sent."""
    problem = Problem(slug, _FAULTS.get(slug, ()), _MEMBERS.get(slug))
    return json.loads(document(problem, language))
