"""Request bodies: which are rejected, and with which errors."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.handlers.request_bodies import (
    MenuItemBody,
    OrderBody,
    PromotionBody,
    RestaurantBody,
    encode_plain_fields,
    menu_item_errors,
    order_errors,
    promotion_errors,
)
from ingress.http import schema_errors
from ingress.http.body_validation import BodyReader
from ingress.http.problems import MAX_FIELD_ERRORS, FieldError, Problem
from ingress.http.schema_errors import json_pointer
from tests.support.ingress.samples import order_body

orders = BodyReader(OrderBody, order_errors)
restaurants = BodyReader(RestaurantBody)
menu_items = BodyReader(MenuItemBody, menu_item_errors)
promotions = BodyReader(PromotionBody, promotion_errors)

GOOD = json.dumps(order_body()).encode()
LINE = {"sku": "coxinha", "quantity": 1}


def faults(reader: BodyReader[Any], raw: bytes) -> list[tuple[str, str]]:
    with pytest.raises(Problem, match="invalid-request") as problem:
        reader.read(raw)
    return [(fault.location, fault.code) for fault in problem.value.field_errors]


def changed(path: str, value: Any) -> bytes:
    """Return a good order with the value at this path changed; `...` removes it."""
    body: Any = order_body()
    target = body
    *steps, last = (int(step) if step.isdigit() else step for step in path.split("/"))
    for step in steps:
        target = target[step]
    if value is ...:
        del target[last]
    else:
        target[last] = value
    return json.dumps(body).encode()


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        ("restaurant_id", ..., "required"),
        ("restaurant_id", 1, "type"),
        ("restaurant_id", None, "type"),
        ("restaurant_id", "a b", "pattern"),
        ("restaurant_id", "r1\n", "pattern"),
        ("restaurant_id", "é", "pattern"),
        ("restaurant_id", "x" * 65, "maxLength"),
        ("items", ..., "required"),
        ("items", [], "minItems"),
        ("items", [LINE] * 51, "maxItems"),
        ("items", {}, "type"),
        ("items/0", "coxinha", "type"),
        ("items/0/sku", ..., "required"),
        ("items/0/sku", "a/b", "pattern"),
        ("items/0/quantity", ..., "required"),
        ("items/0/quantity", 0, "minimum"),
        ("items/0/quantity", -1, "minimum"),
        ("items/0/quantity", 100, "maximum"),
        ("items/0/quantity", "2", "type"),
        ("items/0/quantity", 1.5, "type"),
        ("items/0/quantity", 1.0, "invalid"),
        ("items/0/quantity", True, "type"),
        ("items/0/quantity", None, "type"),
        ("items/0/price", 1, "unknown"),
        ("items/0/expected_unit_price/amount", ..., "required"),
        ("items/0/expected_unit_price/amount", -1, "minimum"),
        ("items/0/expected_unit_price/amount", 10**30, "maximum"),
        ("items/0/expected_unit_price/amount", 9.9, "type"),
        ("items/0/expected_unit_price/currency", "USD", "enum"),
        ("items/0/expected_unit_price/cents", 1, "unknown"),
        ("delivery_address", ..., "required"),
        ("delivery_address", "Rua A", "type"),
        ("delivery_address/street", "", "minLength"),
        ("delivery_address/street", "x" * 201, "maxLength"),
        ("delivery_address/city", ..., "required"),
        ("delivery_address/complement", None, "type"),
        ("delivery_address/zip", "1", "unknown"),
        ("payment", ..., "required"),
        ("payment/method", "bitcoin", "enum"),
        ("payment/method", ..., "required"),
        ("payment/token", "x", "unknown"),
        ("customer", "ana", "type"),
        ("customer/id", "c-123", "unknown"),
        ("customer/email", "a@b", "unknown"),
        ("status", "received", "unknown"),
        ("a~b/c", 1, "unknown"),
    ],
)
def test_field_error_has_a_json_pointer(path: str, value: Any, code: str) -> None:
    """Contract: 400 `invalid-request`, with a JSON pointer for each fault; unknown fields are rejected."""
    if path == "a~b/c":
        raw, at = json.dumps(order_body() | {path: value}).encode(), "/a~0b~1c"
    else:
        raw, at = changed(path, value), "/" + path
    assert faults(orders, raw) == [(at, code)]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" ",
        b"{",
        b"nul",
        b"'a'",
        GOOD + b"x",
        GOOD + GOOD,
        GOOD[:-1] + b",}",
        b"\xef\xbb\xbf" + GOOD,
        GOOD.decode().encode("utf-16"),
        GOOD.replace(b"Rua A", b"\xff"),
        GOOD.replace(b"Rua A", b"\xed\xa0\x80"),
        GOOD.replace(b"Rua A", b"\\ud800"),
        GOOD.replace(b"Rua A", b"\\udc00\\ud800"),
        GOOD.replace(b"Rua A", b"a\nb"),
        GOOD.replace(b"990", b"NaN"),
        GOOD.replace(b"990", b"Infinity"),
        GOOD.replace(b"990", b"-Infinity"),
        GOOD.replace(b"990", b"0990"),
        GOOD.replace(b"990", b"1" * 5000),
        GOOD[:-1] + b', "deep": ' + b"[" * 30_000 + b"]" * 30_000 + b"}",
        GOOD[:-1] + b', "deep": ' + b'{"a":' * 10_000 + b"1" + b"}" * 10_000 + b"}",
        b"[" * 60_000,
        GOOD[:-1] + b', "zz": "\\ud800"}',
        GOOD[:-1] + b', "zz": NaN}',
    ],
)
def test_malformed_json_is_one_error(raw: bytes) -> None:
    """Whatever a client sends, however deep or broken, is answered 400 and never 5xx."""
    assert faults(orders, raw) == [("", "malformed")]


@pytest.mark.parametrize("raw", [b"null", b"[]", b"1", b'"x"', b"true"])
def test_non_object_is_an_error_of_the_whole_body(raw: bytes) -> None:
    """The pointer of the whole document is the empty string (RFC 6901)."""
    assert faults(orders, raw) == [("", "type")]


def test_all_errors_are_listed() -> None:
    """A client need not send a body ten times to learn of ten errors."""
    body = order_body(items=[{"sku": "a b", "quantity": 0}, {"quantity": 1}], foo=1)
    del body["payment"]
    body["customer"] = {"name": 1}
    assert set(faults(orders, json.dumps(body).encode())) == {
        ("/items/0/sku", "pattern"),
        ("/items/0/quantity", "minimum"),
        ("/items/1/sku", "required"),
        ("/foo", "unknown"),
        ("/payment", "required"),
        ("/customer/name", "type"),
    }


def test_list_of_errors_is_bounded() -> None:
    """64 KiB of bad input must not cause more work than one problem can list: one more error says that some are left out."""
    for items in ([1] * 5000, [{}] * 5000, [{"sku": "a b", "quantity": 0}] * 50):
        assert len(faults(orders, json.dumps(order_body(items=items)).encode())) == MAX_FIELD_ERRORS + 1


@pytest.mark.parametrize(
    ("raw", "at"),
    [
        (GOOD.replace(b'"payment"', b'"payment": {"method": "cash"}, "payment"'), "/payment"),
        (GOOD.replace(b'"quantity"', b'"quantity": 2, "quantity"'), "/items/0/quantity"),
        (GOOD.replace(b'"amount"', b'"amount": 1, "\\u0061mount"'), "/items/0/expected_unit_price/amount"),
    ],
)
def test_repeated_field_is_rejected(raw: bytes, at: str) -> None:
    """It is unknown which of the two was meant, and a proxy may have read the other one."""
    assert faults(orders, raw) == [(at, "repeated")]


def test_repeated_fields_are_found_in_linear_time() -> None:
    """A body of 8,000 names, one or each of them twice, held the event loop for a second."""
    names = [f'"{number}":0' for number in range(8_000)]
    once = f"{{{','.join([*names, names[-1]])}}}".encode()
    assert faults(orders, once)[0] == ("/7999", "repeated")
    each = f"{{{','.join(names * 2)}}}".encode()
    assert [code for _, code in faults(orders, each)][: MAX_FIELD_ERRORS + 1] == ["repeated"] * 21


@pytest.mark.parametrize("inner", [b'{"a":0,"a":0}', b"[" * 400 + b'{"a":0,"a":0}' + b"]" * 400])
def test_repeated_field_where_no_body_has_fields_is_an_error(inner: bytes) -> None:
    """It is not searched for its place, and the body is rejected all the same."""
    assert faults(orders, GOOD[:-1] + b', "deep": ' + inner + b"}") == [
        ("/deep/a" if inner.startswith(b"{") else "", "repeated"),
        ("/deep", "unknown"),
    ]


@pytest.mark.parametrize("size", [10, 1_000, 1_990])
def test_web_address_with_a_blank_is_one_error(size: int) -> None:
    """The pattern needed backtracking: past its limit the check of the error failed itself, with 500."""
    body = {"name": "x", "webhook": f"https://{'a' * size} "}
    assert faults(restaurants, json.dumps(body).encode()) == [("/webhook", "pattern")]


def test_error_that_the_validator_cannot_explain_is_invalid() -> None:
    """An error path cannot fail itself: errors of the validator's own have no text and no limit."""

    class Unknown(msgspec.Struct):
        kind: Any
        instance_path: list[str]

    strange = Unknown(msgspec.defstruct("Kind", [("name", str)])("backtracking"), ["webhook"])
    assert list(schema_errors._field_errors(strange, ())) == [FieldError("/webhook", "invalid")]


def test_fingerprint_ignores_serialization() -> None:
    """The fingerprint is of a canonical encoding, so that another serializer of the client does not make another body."""
    body = order_body()
    backwards = dict(reversed(body.items()))
    raws = [
        json.dumps(body, indent=4).encode(),
        json.dumps(backwards, separators=(",", ":")).encode(),
        GOOD.replace(b"Rua A", b"Rua \\u0041"),
    ]
    assert {encode_plain_fields(orders.read(raw), None) for raw in raws} == {
        encode_plain_fields(orders.read(GOOD), None)
    }


def test_fingerprint_depends_on_values() -> None:
    """Contract: 422 `idempotency-key-reused` (other body)."""
    other = orders.read(changed("items/0/quantity", 3))
    assert encode_plain_fields(other, None) != encode_plain_fields(orders.read(GOOD), None)


def test_optional_fields_may_be_missing_or_null() -> None:
    """Contract: `expected_unit_price` and `customer` are optional."""
    body = order_body(items=[LINE])
    del body["customer"]
    without = orders.read(json.dumps(body).encode())
    assert orders.read(json.dumps(body | {"customer": None}).encode()) == without
    assert without.customer is None and without.items[0].expected_unit_price is None


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, [("/name", "required")]),
        ({"name": "x", "kitchen_capacity": 0}, [("/kitchen_capacity", "minimum")]),
        ({"name": "x", "preparation_timeout_seconds": 0}, [("/preparation_timeout_seconds", "minimum")]),
        ({"name": "x", "webhook": "ftp://x"}, [("/webhook", "pattern")]),
        ({"name": "x", "webhook": "https://"}, [("/webhook", "pattern")]),
        ({"name": "x", "webhook": "https://x\n"}, [("/webhook", "pattern")]),
        ({"name": "x", "webhook": "https://" + "x" * 2000}, [("/webhook", "maxLength")]),
    ],
)
def test_restaurant_errors(body: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    """Contract: PUT of a restaurant takes name, kitchen capacity, preparation timeout, webhook."""
    assert faults(restaurants, json.dumps(body).encode()) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"price": {"amount": 10**9}}, [("/price/amount", "maximum")]),
        ({"price": 990}, [("/price", "type")]),
        ({"portions": -1}, [("/portions", "minimum")]),
        ({"category": ""}, [("/category", "minLength")]),
    ],
)
def test_menu_item_errors(changes: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    """Contract: PUT of a menu item takes name, description, category, price, portions (null: unlimited)."""
    body = {"name": "Coxinha", "price": {"amount": 990}, "portions": None}
    assert menu_items.read(json.dumps(body).encode()).portions is None
    assert faults(menu_items, json.dumps(body | changes).encode()) == expected


OFFER = {"sku": "coxinha", "promo_price": {"amount": 500}}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"starts_at": "2026-01-01T00:00:00"}, [("/starts_at", "rfc3339")]),
        ({"starts_at": "tomorrow"}, [("/starts_at", "rfc3339")]),
        ({"ends_at": "2026-01-01T00:00:00Z"}, [("/ends_at", "ends-after-starts")]),
        ({"ends_at": "2026-01-01T02:00:00+03:00"}, [("/ends_at", "ends-after-starts")]),
        ({"items": []}, [("/items", "minItems")]),
        ({"items": [OFFER, OFFER]}, [("/items/1/sku", "repeated-sku")]),
        ({"items": [OFFER | {"per_customer_limit": 0}]}, [("/items/0/per_customer_limit", "minimum")]),
        (
            {"items": [OFFER | {"promo_price": {"amount": 10**9}}]},
            [("/items/0/promo_price/amount", "maximum")],
        ),
    ],
)
def test_promotion_errors(changes: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    """A promotion has a window that is not empty, with time zones, and each item once."""
    body = {"starts_at": "2026-01-01T00:00:00Z", "ends_at": "2026-01-01T00:00:00-03:00", "items": [OFFER]}
    assert promotions.read(json.dumps(body).encode()).items[0].portions is None
    assert faults(promotions, json.dumps(body | changes).encode()) == expected


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(st.sampled_from([*order_body(), "items/0/sku", "items/0/quantity", "payment/method", "x"]), values)
def test_any_value_is_accepted_or_has_errors(path: str, value: Any) -> None:
    """Whatever msgspec rejects has at least one error to list."""
    try:
        body = orders.read(changed(path, value))
    except Problem as problem:
        assert problem.slug == "invalid-request" and problem.field_errors
    else:
        assert msgspec.json.decode(msgspec.json.encode(body), type=OrderBody) == body


@given(st.binary(max_size=200))
def test_any_bytes_raise_only_the_problem(raw: bytes) -> None:
    """No input raises another exception."""
    with pytest.raises(Problem, match="invalid-request"):
        orders.read(raw)


def test_json_pointer_escapes() -> None:
    """RFC 6901: ~ is ~0 and / is ~1."""
    assert json_pointer("a/b", 0, "c~d") == "/a~1b/0/c~0d"
