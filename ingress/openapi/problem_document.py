"""The schema of a problem document, and an example of each problem."""

import json
from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from ingress.http.problems import MAX_FIELD_ERRORS, FieldError, Problem, encode
from ingress.openapi.texts import EXAMPLES
from schemas.assurance import ProvedAssurance
from schemas.languages import Language
from schemas.money import Money
from schemas.orders import CashLimit


class FieldErrorEntry(Struct, frozen=True):
    """One error, and its location: a JSON pointer into the body, a header or a parameter."""

    detail: str
    pointer: str | UnsetType = UNSET
    header: str | UnsetType = UNSET
    parameter: str | UnsetType = UNSET


class ItemNow(Struct, frozen=True):
    """An item that the order could not get: what is left of it, its current price, or the customer's limit."""

    sku: str
    available: int | UnsetType = UNSET
    unit_price: Money | UnsetType = UNSET
    limit: int | UnsetType = UNSET
    left: int | UnsetType = UNSET


class ProblemDocument(Struct, frozen=True):
    """A problem (RFC 9457). `type` is stable and links to its meaning; further members depend on it.

    A problem has at most 8 KiB and lists at most 20 errors. A member such as `errors_omitted` says that its list was cut.
    """

    type: str
    title: str
    status: int
    detail: str
    errors: Annotated[list[FieldErrorEntry], Meta(max_length=MAX_FIELD_ERRORS)] | UnsetType = UNSET
    errors_omitted: bool | UnsetType = UNSET
    order_id: str | UnsetType = UNSET
    items: list[ItemNow] | UnsetType = UNSET
    items_omitted: bool | UnsetType = UNSET
    limit: int | UnsetType = UNSET
    limits: list[CashLimit] | UnsetType = UNSET
    limits_omitted: bool | UnsetType = UNSET
    skus: list[str] | UnsetType = UNSET
    skus_omitted: bool | UnsetType = UNSET
    reason: str | UnsetType | None = UNSET
    order_status: str | UnsetType = UNSET
    required_assurance: ProvedAssurance | UnsetType = UNSET
    webhook_secret_version: int | UnsetType = UNSET


_FIELD_ERRORS = {
    "invalid-request": (
        FieldError("/items/0/quantity", "minimum", 1),
        FieldError("/payment/method", "enum", "pix, card, cash"),
    )
}


def example(slug: str, language: Language) -> Any:
    """Return an example of the problem with this slug."""
    problem = Problem(slug, _FIELD_ERRORS.get(slug, ()), EXAMPLES["problem_members"].get(slug))
    return json.loads(encode(problem, language))
