"""One bad request, and how the tables are made of good ones."""

import json
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from typing import Any

from msgspec import Struct

from ingress.http.tokens import Tokens
from schemas import identity
from tests.support.ingress.samples import order_body

TOKENS = Tokens("secret", "adm")
RESTAURANT = "/v1/restaurants/r1"
ITEM = f"{RESTAURANT}/menu/coxinha"
PROMOTION = f"{RESTAURANT}/promotions/p1"
MENU = f"{RESTAURANT}/menu"
ORDER_ID = identity.order_id("r1", "k1")
ORDER = f"/v1/orders/{ORDER_ID}"

KEY = {"Idempotency-Key": "k"}
JSON = {"Content-Type": "application/json"}
ADMIN = {"Authorization": "Bearer adm"}
OWNER = {"Authorization": f"Bearer {TOKENS.restaurant('r1')}"}
CUSTOMER = {"Authorization": f"Bearer {TOKENS.order(ORDER_ID)}"}

GOOD_ITEM = {"name": "Coxinha", "price": {"amount": 990, "currency": "BRL"}, "portions": 5}
GOOD_PROMOTION = {
    "starts_at": "2026-01-01T12:00:00Z",
    "ends_at": "2026-01-01T12:15:00Z",
    "items": [{"sku": "coxinha", "promo_price": {"amount": 490}, "portions": 3, "per_customer_limit": 1}],
}
GONE = object()


class Input(Struct, frozen=True):
    """A request that must be refused, with the slug of the problem."""

    name: str
    slug: str
    method: str
    path: str
    headers: Mapping[str, str] = {}
    body: bytes | None = None


def changed(body: dict[str, Any], at: str, value: Any) -> bytes:
    """A body with one thing changed, added or gone, as JSON."""
    body = deepcopy(body)
    *way, last = [int(part) if part.isdigit() else part for part in at.split("/")]
    inside: Any = body
    for part in way:
        inside = inside[part]
    if value is GONE:
        del inside[last]
    else:
        inside[last] = value
    return json.dumps(body).encode()


def bodies(
    method: str, path: str, headers: Mapping[str, str], good: dict[str, Any], bad: Iterable[tuple[str, Any]]
) -> Iterator[Input]:
    """Each change of a good body is an invalid request."""
    for at, value in bad:
        said = "gone" if value is GONE else repr(value)[:40]
        body = changed(good, at, value)
        yield Input(
            f"{method} {path} {at}: {said}", "invalid-request", method, path, {**JSON, **headers}, body
        )


def every(at: str, *values: Any) -> list[tuple[str, Any]]:
    """The same place with each of these values."""
    return [(at, value) for value in values]


NOT_TEXT = (None, 1, 1.5, True, [], {}, ["a"])
NOT_WHOLE = (None, "1", 1.5, 1.0, True, [], {}, 10**30, -1, -(10**30))
NOT_IDENTIFIERS = (
    "",
    " ",
    "a b",
    "a/b",
    "é",
    "a\n",
    "\u0000",
    "x" * 65,
    "😀",
    "a?b",
    "%2e",
    "<script>",
    "';--",
    ".",
    "..",
)
#: A line of text must show something, and nothing that is hidden.
NOT_LINES = (
    "   ",
    "\u00a0",
    "\u3164",
    "\u0301",
    "a\u202eb",
    "\u2066a",
    "a\u200bb",
    "\ufeffa",
    "a\nb",
    "a\u0000",
)
NO_POSTAL_CODES = ("abc", "5000-000", "50000-0000", "٥٠٠٠٠٠٠٠", "50000-00a", "--------")
NO_PHONES = ("abc", "99999-0000", "+55", "81 99999-00000", "+551999", "0800 123 4567", "5581999990000\u202c")
GOOD_ORDER = order_body()
