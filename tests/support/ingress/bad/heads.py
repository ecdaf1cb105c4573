"""Requests that are wrong before their body: addresses, methods, keys, cursors, tokens, kinds of bodies."""

import base64
import json

import msgspec

from tests.support.ingress.bad.inputs import (
    ADMIN,
    CUSTOMER,
    GOOD_ITEM,
    GOOD_ORDER,
    GOOD_PROMOTION,
    ITEM,
    JSON,
    KEY,
    MENU,
    ORDER,
    OWNER,
    PROMOTION,
    RESTAURANT,
    TOKENS,
    Input,
)

_ORDER = json.dumps(GOOD_ORDER).encode()
_BODIES = {
    RESTAURANT: b'{"name":"Bar"}',
    ITEM: json.dumps(GOOD_ITEM).encode(),
    PROMOTION: json.dumps(GOOD_PROMOTION).encode(),
}

KEYS = ("", " ", "a b", "a\tb", "é", "x" * 256, "ключ", "key\u00a0")
CONTENT_TYPES = (
    "text/plain",
    "text/html",
    "application/xml",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "application/octet-stream",
    "application/problem+json",
    "application/jsonp",
    "json",
    "text/json",
    "*/*",
)


def _cursor(*parts: object) -> str:
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(parts)).rstrip(b"=").decode()


CURSORS = (
    "",
    "x",
    "null",
    "0",
    "-1",
    "AAAA",
    "%00",
    "..%2f..",
    "a" * 4_000,
    "%F0%9F%98%80",
    "W10",
    "eyJhIjoxfQ",
    _cursor("sku"),
    _cursor("sku", ["a"]),
    _cursor("sku", [1], b""),
    _cursor("sku", ["a", "b"], b""),
    _cursor("name", ["a", "b"], b""),
    _cursor("price", [1, "a"], b""),
    _cursor("sku", ["a"], b"odd"),
    _cursor("sku", [["a"]], b""),
    _cursor("restaurant_id", ["a"], b""),
)
QUERIES = (
    "limit=",
    "limit=0",
    "limit=101",
    "limit=-1",
    "limit=1.5",
    "limit=1e1",
    "limit=ten",
    "limit=%EF%BC%91",
    "limit=99999999999999999999",
    "limit=10&limit=20",
    "min_price=-1",
    "min_price=9,90",
    "min_price=100000001",
    "max_price=NaN",
    "max_price=null",
    "promo=",
    "promo=yes",
    "promo=2",
    "available=sim",
    "sort=",
    "sort=sku",
    "sort=price,-price",
    "sort=-name",
    "sort=name&sort=price",
    "q=" + "a" * 201,
    "unknown=1",
    "Limit=10",
    "limit[]=10",
    "limit%00=10",
    "=1",
)
#: Tokens that are not valid, and valid ones that open something else.
INVALID_TOKENS = (
    "x",
    "adm2",
    "ADM",
    "null",
    "undefined",
    "a" * 4_000,
    "eyJhbGciOiJub25lIn0.e30.",
    TOKENS.restaurant("r1")[:-1],
)
OTHER_TOKENS = (
    TOKENS.restaurant("r2"),
    TOKENS.order("o_other"),
    TOKENS.restaurant("R1"),
    TOKENS.restaurant("r1 "),
    TOKENS.restaurant("order:r1"),
)
NO_TOKENS = (
    "",
    "Bearer",
    "Bearer ",
    "Basic YWRtOmFkbQ==",
    "adm",
    "Bearer: adm",
    "Bearer adm adm",
    "Token adm",
)
NO_IDENTIFIERS = (
    ".",
    "..",
    "%2e",
    "%2E%2e",
    ".%2e",
    "a%20b",
    "%20",
    "%00",
    "a%0A",
    "%C3%A9",
    "x" * 65,
    "a%3Fb",
    "%FF",
    "a%22",
    "%3Cscript%3E",
    "a;b",
)
UNKNOWN = ("r2", "R1", "r1%20", "%00", "%FF", "..%2Fr1", "x" * 300, "r1%0A", "%F0%9F%98%80")
NOWHERE = (
    "/v1",
    "/v1/",
    "/v2/orders",
    "/v1/order",
    "/v1/orders/",
    "/V1/orders",
    "/v1//orders",
    "/.env",
    "/admin",
    "/wp-login.php",
    "/v1/orders/a/b/c",
    "/v1/restaurants/r1/menu/coxinha/photo",
    "/problems/none",
    "/problems/%00",
    "/%2e%2e/etc/passwd",
    "/cgi-bin/%2e%2e%2fsh",
)
METHODS = (
    ("DELETE", "/v1/orders"),
    ("PUT", "/v1/orders"),
    ("PATCH", ORDER),
    ("DELETE", ORDER),
    ("GET", ORDER + "/cancel"),
    ("POST", MENU),
    ("PATCH", ITEM),
    ("POST", RESTAURANT),
    ("GET", PROMOTION),
    ("POST", "/catalogo"),
    ("GET", "/pedidos"),
    ("POST", "/metrics"),
    ("PUT", "/health/ready"),
    ("OPTIONS", "/v1/orders"),
    ("POST", "/openapi.json"),
    ("DELETE", "/docs"),
)
CANCELS = (
    b"[]",
    b"null",
    b"1",
    b'"now"',
    b"{",
    b'{"reason":"x"}',
    b'{"by":"restaurant"}',
    b'{"order_id":"o_2"}',
)
STATUSES = (
    b"",
    b"{}",
    b"null",
    b'{"status":null}',
    b'{"status":"received"}',
    b'{"status":"cancelled"}',
    b'{"status":"PREPARING"}',
    b'{"status":["preparing"]}',
    b'{"status":"preparing","at":"2026-01-01T00:00:00Z"}',
    b'{"status":"preparing","status":"delivered"}',
)


def _bad(
    slug: str, method: str, path: str, headers: dict[str, str], body: bytes | None = None, of: str = ""
) -> Input:
    return Input(f"{method} {path[:60]} {of}", slug, method, path, headers, body)


TABLE = [
    _bad("idempotency-key-missing", "POST", "/v1/orders", JSON, _ORDER),
    _bad("idempotency-key-missing", "POST", "/pedidos", JSON, _ORDER),
    _bad("idempotency-key-missing", "POST", ORDER + "/cancel", CUSTOMER),
    *(
        _bad(
            "invalid-request",
            "POST",
            path,
            {"Idempotency-Key": key} | JSON | proof,
            body,
            f"key {key[:20]!r}",
        )
        for path, body, proof in (("/v1/orders", _ORDER, {}), (ORDER + "/cancel", b"{}", CUSTOMER))
        for key in KEYS
    ),
    *(
        _bad("unsupported-media-type", "POST", "/v1/orders", KEY | {"Content-Type": kind}, _ORDER, kind)
        for kind in CONTENT_TYPES
    ),
    *(
        _bad("unsupported-media-type", "PUT", path, ADMIN | {"Content-Type": "text/plain"}, body)
        for path, body in _BODIES.items()
    ),
    *(_bad("invalid-request", "GET", f"{MENU}?cursor={cursor}", {}) for cursor in CURSORS),
    *(_bad("invalid-request", "GET", f"/v1/restaurants?cursor={cursor}", {}) for cursor in CURSORS[:16]),
    *(_bad("invalid-request", "GET", f"{MENU}?{query}", {}) for query in QUERIES),
    *(
        _bad("invalid-request", "GET", f"/v1/restaurants?{query}", {})
        for query in ("sort=name", "limit=0", "q=a")
    ),
    *(
        _bad("invalid-request", "GET", f"/catalogo?{query}", {})
        for query in ("", "restaurant_id=r1&restaurant_id=r2", "restaurant=r1", "restaurant_id=r1&limit=0")
    ),
    *(_bad("unknown-restaurant", "GET", f"/v1/restaurants/{unknown}/menu", {}) for unknown in UNKNOWN),
    *(
        _bad(slug, "PUT", path, JSON | {"Authorization": f"Bearer {token}"}, body, token[-20:])
        for path, body in _BODIES.items()
        for slug, tokens in (("unauthorized", INVALID_TOKENS), ("forbidden", OTHER_TOKENS))
        for token in tokens
    ),
    _bad("forbidden", "PUT", RESTAURANT, JSON | OWNER, _BODIES[RESTAURANT], "its own token"),
    *(
        _bad("unauthorized", "PUT", path, JSON | {"Authorization": header}, body, header)
        for path, body in _BODIES.items()
        for header in NO_TOKENS
    ),
    *(
        _bad(slug, method, path, JSON | KEY | {"Authorization": f"Bearer {token}"}, body, token[-20:])
        for method, path, body in (
            ("GET", ORDER, None),
            ("POST", ORDER + "/cancel", b"{}"),
            ("POST", ORDER + "/status", b'{"status":"preparing"}'),
        )
        for slug, tokens in (("unauthorized", INVALID_TOKENS), ("unknown-order", OTHER_TOKENS))
        for token in tokens
    ),
    _bad(
        "forbidden", "POST", ORDER + "/status", JSON | CUSTOMER, b'{"status":"preparing"}', "the customer's"
    ),
    *(_bad("unauthorized", "GET", ORDER, {"Authorization": header}, None, header) for header in NO_TOKENS),
    *(
        _bad("invalid-request", "PUT", f"/v1/restaurants/{name}", ADMIN | JSON, _BODIES[RESTAURANT])
        for name in NO_IDENTIFIERS
    ),
    *(
        _bad("invalid-request", "PUT", f"{MENU}/{name}", OWNER | JSON, _BODIES[ITEM])
        for name in NO_IDENTIFIERS
    ),
    *(
        _bad("invalid-request", "PUT", f"{RESTAURANT}/promotions/{name}", OWNER | JSON, _BODIES[PROMOTION])
        for name in NO_IDENTIFIERS
    ),
    *(_bad("invalid-request", "POST", ORDER + "/cancel", KEY | JSON | CUSTOMER, raw) for raw in CANCELS),
    *(_bad("invalid-request", "POST", ORDER + "/status", JSON | OWNER, raw) for raw in STATUSES),
    *(_bad("unknown-order", "GET", f"/v1/orders/{name}", OWNER) for name in (*UNKNOWN, "o_1")),
    *(_bad("not-found", "GET", path, {}) for path in NOWHERE),
    *(_bad("method-not-allowed", method, path, {}) for method, path in METHODS),
]
