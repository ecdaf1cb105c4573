"""The texts of request bodies: one rule for each kind of text, in every body."""

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import inspect

from ingress.handlers.request_bodies import (
    MenuItemBody,
    OrderBody,
    PromotionBody,
    RestaurantBody,
    SubscriptionBody,
    encode_plain_fields,
    menu_item_errors,
    order_errors,
    personal_data,
    promotion_errors,
    promotion_window,
)
from ingress.http.body_validation import BodyReader
from ingress.http.problem_catalogue import FIELD_ERRORS
from ingress.http.problems import Problem
from ingress.http.text_fields import TextBodyReader
from ingress.openapi import document
from ingress.routes import ROUTES
from schemas import codec
from schemas.commands import Address, PersonalData, PromotionItem, PutPromotion
from schemas.money import Money
from schemas.timestamps import EpochMs
from tests.support.ingress.samples import order_body
from tests.unit.ingress.test_push_subscriptions import BODY as SUBSCRIPTION

READERS: dict[str, TextBodyReader[Any]] = {
    "order": TextBodyReader(OrderBody, order_errors),
    "restaurant": TextBodyReader(RestaurantBody),
    "item": TextBodyReader(MenuItemBody, menu_item_errors),
    "promotion": TextBodyReader(PromotionBody, promotion_errors),
    "subscription": TextBodyReader(SubscriptionBody),
}
GOOD: dict[str, dict[str, Any]] = {
    "order": order_body(),
    "restaurant": {"name": "Bar", "webhook": "https://bar.example/hook"},
    "item": {"name": "Coxinha", "price": {"amount": 990}, "description": "De frango", "category": "Salgados"},
    "promotion": {
        "starts_at": "2026-01-01T12:00:00Z",
        "ends_at": "2026-01-01T12:15:00Z",
        "items": [{"sku": "coxinha", "promo_price": {"amount": 490}}],
    },
    "subscription": SUBSCRIPTION,
}
#: Free texts that must show something, and free texts that may be empty.
REQUIRED = [
    ("order", "/delivery_address/street"),
    ("order", "/delivery_address/number"),
    ("order", "/delivery_address/district"),
    ("order", "/delivery_address/city"),
    ("restaurant", "/name"),
    ("item", "/name"),
    ("item", "/category"),
]
OPTIONAL = [
    ("order", "/delivery_address/complement"),
    ("order", "/customer/name"),
    ("item", "/description"),
]
LINES = [*REQUIRED, *OPTIONAL[:2]]
IDENTIFIERS = [("order", "/restaurant_id"), ("order", "/items/0/sku"), ("promotion", "/items/0/sku")]
POSTAL_CODE, PHONE = "/delivery_address/postal_code", "/customer/phone"
HIDDEN = [
    "\u202e",
    "\u2066",
    "\u200b",
    "\ufeff",
    "\u00ad",
    "\u3164",
    "\u2800",
    "\x00",
    "\x1b",
    "\x1f",
    "\x85",
    "\u2028",
    "\ue000",
    "\ufdd0",
]


def changed(kind: str, pointer: str, value: Any) -> bytes:
    """Return a good body with one value changed, as JSON."""
    body = json.loads(json.dumps(GOOD[kind]))
    target: Any = body
    *steps, last = (int(step) if step.isdigit() else step for step in pointer[1:].split("/"))
    for step in steps:
        target = target[step]
    target[last] = value
    return json.dumps(body).encode()


def stored(kind: str, pointer: str, value: Any) -> Any:
    """Return what is stored of a value."""
    found = READERS[kind].read(changed(kind, pointer, value))
    for step in pointer[1:].split("/"):
        found = found[int(step)] if step.isdigit() else getattr(found, step)
    return found


def errors(kind: str, pointer: str, value: Any) -> list[tuple[str, str]]:
    """Return the errors of a body with one value changed."""
    with pytest.raises(Problem, match="invalid-request") as problem:
        READERS[kind].read(changed(kind, pointer, value))
    return [(error.location, error.code) for error in problem.value.field_errors]


@pytest.mark.parametrize(("kind", "pointer"), REQUIRED)
@pytest.mark.parametrize("blank", ["   ", "\u00a0", "\u3000\t", "\n", "\u0301", "\u2003\u0323"])
def test_required_text_shows_something(kind: str, pointer: str, blank: str) -> None:
    """F12: names, categories and address lines of blanks."""
    assert errors(kind, pointer, blank) == [(pointer, "visible")]


@pytest.mark.parametrize(
    ("kind", "pointer"), [*REQUIRED, *OPTIONAL, ("order", POSTAL_CODE), ("order", PHONE)]
)
@pytest.mark.parametrize("hidden", HIDDEN, ids=ascii)
def test_hidden_character_is_refused_in_every_text(kind: str, pointer: str, hidden: str) -> None:
    """Controls, bidi and zero-width characters: one rule, also at the ends of a text."""
    for value in (f"a{hidden}b", f"{hidden}ab", f"ab{hidden}", hidden):
        assert errors(kind, pointer, value) == [(pointer, "hidden-character")]


@pytest.mark.parametrize(("kind", "pointer"), LINES)
def test_line_has_no_line_breaks(kind: str, pointer: str) -> None:
    """They would end the line on a receipt or a label; only a description has several lines."""
    assert errors(kind, pointer, "a\nb") == errors(kind, pointer, "a\tb") == [(pointer, "hidden-character")]
    assert stored("item", "/description", "a\r\nb\tc") == "a\nb\tc"


@pytest.mark.parametrize(("kind", "pointer"), [*LINES, ("item", "/description")])
def test_text_is_trimmed_and_composed(kind: str, pointer: str) -> None:
    """What is stored looks the same; emoji keep their joiners."""
    assert stored(kind, pointer, " \u00a0Pa\u0303o 👩‍🍳 ") == "Pão 👩‍🍳"


@pytest.mark.parametrize(("kind", "pointer"), [*OPTIONAL, ("order", PHONE)])
def test_optional_text_may_be_blank(kind: str, pointer: str) -> None:
    """Forms send the fields that were left empty."""
    assert stored(kind, pointer, " ") == stored(kind, pointer, "") == ""


def test_limit_counts_what_is_stored_too() -> None:
    """NFC can make a text longer: U+FB2C becomes three characters."""
    assert stored("item", "/name", "\ufb2c" * 66) == "\u05e9\u05bc\u05c1" * 66
    assert errors("item", "/name", "\ufb2c" * 67) == [("/name", "maxLength")]
    assert stored("item", "/name", "\ufdfa" * 200) == "\ufdfa" * 200


@pytest.mark.parametrize(("kind", "pointer"), IDENTIFIERS)
@pytest.mark.parametrize("segment", [".", ".."])
def test_identifier_is_no_dot_segment(kind: str, pointer: str, segment: str) -> None:
    """Clients and proxies remove `.` and `..` from a path, so it could not be reached."""
    assert errors(kind, pointer, segment) == [(pointer, "dot-segment")]
    assert stored(kind, pointer, segment + "a") == segment + "a" and stored(kind, pointer, "...") == "..."


def test_contacts_are_stored_in_one_form() -> None:
    """`50000-000` and E.164, whatever way they were written."""
    assert stored("order", POSTAL_CODE, "50.000 000") == "50000-000"
    assert stored("order", PHONE, "(81) 99999-0000") == "+5581999990000"
    assert errors("order", POSTAL_CODE, "abc") == [(POSTAL_CODE, "postal-code")]
    assert errors("order", PHONE, "99999-0000") == [(PHONE, "phone")]


def test_every_error_is_listed() -> None:
    """Errors of texts and of amounts come together."""
    body = order_body(customer={"name": "\u202e", "phone": "x"})
    body["delivery_address"] |= {"street": "\u202e", "postal_code": "abc"}
    body["items"][0]["expected_unit_price"]["amount"] = 10**9
    with pytest.raises(Problem) as problem:
        READERS["order"].read(json.dumps(body).encode())
    assert {(error.location, error.code) for error in problem.value.field_errors} == {
        ("/customer/name", "hidden-character"),
        (PHONE, "phone"),
        ("/delivery_address/street", "hidden-character"),
        (POSTAL_CODE, "postal-code"),
        ("/items/0/expected_unit_price/amount", "maximum"),
    }


@pytest.mark.parametrize(
    "changes",
    [
        (POSTAL_CODE, "50000000"),
        (PHONE, "(81) 99999-0000"),
        ("/delivery_address/street", " Rua A "),
        ("/customer/name", "Ana\u00a0"),
    ],
)
def test_other_spelling_is_the_same_request(changes: tuple[str, str]) -> None:
    """A fingerprint is of normal values, so a retry from another form is a replay."""
    one, other = (READERS["order"].read(changed("order", *c)) for c in (changes, (PHONE, "+5581999990000")))
    assert encode_plain_fields(one, None) == encode_plain_fields(other, None)
    assert personal_data(one) == personal_data(other)


def test_normal_body_keeps_its_fingerprint() -> None:
    """Keys live longer than a release: a body with normal values has the fingerprint that it had before."""
    raw = json.dumps(order_body()).encode()
    before, after = BodyReader(OrderBody).read(raw), READERS["order"].read(raw)
    assert encode_plain_fields(before, None) == encode_plain_fields(after, None)
    assert personal_data(before) == personal_data(after)


@given(st.sampled_from([*LINES, *OPTIONAL, ("order", POSTAL_CODE), ("order", PHONE)]), st.text(max_size=40))
def test_stored_text_is_accepted_unchanged(field: tuple[str, str], text: str) -> None:
    """A client may send back what it got."""
    try:
        normal = stored(*field, text)
    except Problem as problem:
        assert problem.field_errors
    else:
        assert stored(*field, normal) == normal


@pytest.mark.parametrize(
    ("text", "stored_url"),
    [
        ("HTTPS://Bar.Example/Hook?A=B", "https://bar.example/Hook?A=B"),
        ("hTTps://BAR.example:8443", "https://bar.example:8443"),
        ("https://bar.example//X//Y", "https://bar.example//X//Y"),
        ("https://bar.example?U=//A/B", "https://bar.example?U=//A/B"),
    ],
)
def test_scheme_and_host_are_case_insensitive(text: str, stored_url: str) -> None:
    """RFC 3986: and path and query are not."""
    assert stored("restaurant", "/webhook", text) == stored_url
    assert stored("subscription", "/endpoint", text) == stored_url


@pytest.mark.parametrize(
    ("starts_at", "ends_at", "code"),
    [
        ("2026-01-01T12:00:00Z", "2026-01-01T12:00:00.0001Z", "ends-after-starts"),
        ("2026-01-01T12:00:00.0009Z", "2026-01-01T12:00:00.0011Z", "ends-after-starts"),
        ("2026-01-01T12:00:00.9999Z", "2026-01-01T12:00:01.0008Z", "ends-after-starts"),
        ("2026-01-01T12:00:00Z", "2026-01-01T09:00:00-03:00", "ends-after-starts"),
        ("2026-01-01T12:00:00Z", "2026-01-01T12:15:00+0300", "rfc3339"),
        ("2026-01-01T12:00:00Z", "2026-01-01 12:15:00Z", "rfc3339"),
        ("2026-01-01T12:00:00Z", "2026-01-01T24:00:00Z", "time-of-day"),
        ("2026-01-01T12:00:00Z", "2026-12-31T23:59:60Z", "time-of-day"),
        ("2026-01-01T12:00:00Z", "2026-01-01T12:15:00." + "0" * 60 + "Z", "maxLength"),
    ],
)
def test_window_opens_at_instants_of_rfc_3339(starts_at: str, ends_at: str, code: str) -> None:
    """A window of less than a millisecond would never open."""
    body = GOOD["promotion"] | {"starts_at": starts_at, "ends_at": ends_at}
    with pytest.raises(Problem) as problem:
        READERS["promotion"].read(json.dumps(body).encode())
    assert [(error.location, error.code) for error in problem.value.field_errors] == [("/ends_at", code)]


def test_shortest_window_is_a_millisecond() -> None:
    """Its bounds are whole milliseconds, rounded down."""
    body = GOOD["promotion"] | {
        "starts_at": "2026-01-01t12:00:00.0009z",
        "ends_at": "2026-01-01T12:00:00.0019Z",
    }
    starts_at, ends_at = promotion_window(READERS["promotion"].read(json.dumps(body).encode()))
    assert ends_at - starts_at == 1


def test_every_string_of_every_body_has_a_rule() -> None:
    """A field that is added without a rule would be the hole in all of them."""
    bodies = {operation.body for _, operation in document.described(ROUTES) if operation.body is not None}
    assert OrderBody in bodies
    unruled = {path for body in bodies for path in _unruled(inspect.type_info(body), body.__name__)}
    assert unruled == {"PromotionBody.starts_at", "PromotionBody.ends_at"}  # parsed by promotion_errors


def _unruled(kind: Any, path: str) -> Iterator[str]:
    """Yield the strings of a type that have neither a rule nor a pattern that admits only ASCII."""
    match kind:
        case inspect.Metadata(type=inspect.StrType(), extra={"text": _}):
            return
        case inspect.Metadata(type=inner):
            yield from _unruled(inner, path)
        case inspect.StrType(pattern=None):
            yield path
        case inspect.StructType(fields=fields):
            for field in fields:
                yield from _unruled(field.type, f"{path}.{field.name}")
        case inspect.ListType(item_type=inner):
            yield from _unruled(inner, path)
        case inspect.UnionType(types=types):
            for inner in types:
                yield from _unruled(inner, path)


def test_records_older_than_the_rules_stay_readable() -> None:
    """Sealed addresses and commands are decoded by the types alone."""
    address = Address("   ", "\u200b", "a\u202eb", "\u3164", "abc", "\x00")
    personal = PersonalData(address, " ", "99999-0000")
    assert msgspec.json.decode(msgspec.json.encode(personal), type=PersonalData) == personal
    items = [PromotionItem("..", Money(1))]
    put = PutPromotion("..", ".", EpochMs(1), EpochMs(1), items)
    assert codec.decode(PutPromotion, codec.encode(put)) == put


def test_customer_understands_the_error_of_a_postal_code() -> None:
    """It is shown beside the field, in the customer's words."""
    assert FIELD_ERRORS["postal-code"].pt == "deve ser um CEP de 8 dígitos, como 50000-000"
    assert "DDD" in FIELD_ERRORS["phone"].pt
