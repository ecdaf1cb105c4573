"""Orders that are none."""

import json

from tests.support.ingress.bad.inputs import (
    GONE,
    GOOD_ORDER,
    JSON,
    KEY,
    NO_PHONES,
    NO_POSTAL_CODES,
    NOT_IDENTIFIERS,
    NOT_LINES,
    NOT_TEXT,
    NOT_WHOLE,
    Input,
    bodies,
    every,
)

LINE = GOOD_ORDER["items"][0]
ADDRESS = "delivery_address"
FIELDS = [
    *every("restaurant_id", GONE, *NOT_TEXT, *NOT_IDENTIFIERS),
    *every("items", GONE, None, {}, "coxinha", 1, [], [None], ["coxinha"], [[]], [LINE] * 51),
    *every("items/0/sku", GONE, *NOT_TEXT, *NOT_IDENTIFIERS),
    *every("items/0/quantity", GONE, 0, 100, *NOT_WHOLE),
    *every("items/0/expected_unit_price", 990, "990", [], {}),
    *every("items/0/expected_unit_price/amount", GONE, 100_000_001, *NOT_WHOLE),
    *every("items/0/expected_unit_price/currency", None, "USD", "brl", "", 986),
    *every("items/0/price", 1, None),
    *every(ADDRESS, GONE, None, "Rua A, 10", []),
    *every(f"{ADDRESS}/street", GONE, "", "x" * 201, *NOT_TEXT),
    *every(f"{ADDRESS}/number", GONE, "", "1" * 21, *NOT_TEXT),
    *every(f"{ADDRESS}/street", *NOT_LINES),
    *every(f"{ADDRESS}/district", *NOT_LINES),
    *every(f"{ADDRESS}/complement", "a\u202eb", "\u3164"),
    *every(f"{ADDRESS}/postal_code", GONE, "", "1" * 21, *NO_POSTAL_CODES),
    *every(f"{ADDRESS}/complement", None, "x" * 201, 1),
    *every(f"{ADDRESS}/country", "BR"),
    *every("payment", GONE, None, "pix", [], {}),
    *every("payment/method", None, "PIX", "bitcoin", "", 1, ["pix"]),
    *every("payment/card_number", "4111111111111111"),
    *every("customer", "Ana", 1, []),
    *every("customer/id", "c-123", "", None, {}),
    *every("customer/name", "a\u202eb", "\u3164"),
    *every("customer/phone", None, "1" * 41, 5581999990000, *NO_PHONES),
    *every("customer/email", "ana@example.org"),
    *every("status", "delivered"),
    *every("order_id", "o_1"),
    *every("total", {"amount": 1}),
    *every("__proto__", {"admin": True}),
    *every("$where", "1"),
]

GOOD = json.dumps(GOOD_ORDER).encode()
RAW = {
    "nothing": b"",
    "a space": b" ",
    "null": b"null",
    "a number": b"1",
    "a text": b'"order"',
    "a list": b"[]",
    "a list of an order": b"[" + GOOD + b"]",
    "an empty object": b"{}",
    "half of it": GOOD[: len(GOOD) // 2],
    "two of them": GOOD + GOOD,
    "a comma too many": GOOD[:-1] + b",}",
    "a byte order mark": b"\xef\xbb\xbf" + GOOD,
    "UTF-16": GOOD.decode().encode("utf-16"),
    "no UTF-8": GOOD.replace(b"Rua A", b"\xff\xfe"),
    "an overlong encoding": GOOD.replace(b"Rua A", b"\xc0\xaf"),
    "a surrogate in UTF-8": GOOD.replace(b"Rua A", b"\xed\xa0\x80"),
    "half a surrogate pair": GOOD.replace(b"Rua A", b"\\ud800"),
    "a control character": GOOD.replace(b"Rua A", b"a\x00b"),
    "NaN": GOOD.replace(b"990", b"NaN"),
    "Infinity": GOOD.replace(b"990", b"-Infinity"),
    "an exponent": GOOD.replace(b"990", b"1e400"),
    "a leading zero": GOOD.replace(b"990", b"0990"),
    "5,000 digits": GOOD.replace(b"990", b"9" * 5_000),
    "single quotes": GOOD.replace(b'"', b"'"),
    "a comment": b"/* order */" + GOOD,
    "XML": b"<order/>",
    "a form": b"restaurant_id=r1&items=coxinha",
    "a pickle": b"\x80\x04\x95.",
    "gzip": b"\x1f\x8b\x08\x00",
    "30,000 brackets": b"[" * 30_000,
    "20,000 objects": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "a field twice": GOOD[:-1] + b',"restaurant_id":"r2"}',
    "a field twice inside": GOOD.replace(b'"quantity": 2', b'"quantity": 1, "quantity": 2'),
    "a field twice, escaped": GOOD[:-1] + b',"r\\u0065staurant_id":"r2"}',
}

TABLE = [
    *bodies("POST", "/v1/orders", KEY, GOOD_ORDER, FIELDS),
    *(Input(f"POST {n}", "invalid-request", "POST", "/v1/orders", KEY | JSON, raw) for n, raw in RAW.items()),
    *(
        Input(f"POST /pedidos {n}", "invalid-request", "POST", "/pedidos", KEY | JSON, RAW[n])
        for n in ("nothing", "null", "XML", "a field twice")
    ),
    Input("too long", "payload-too-large", "POST", "/v1/orders", KEY | JSON, b" " * 65_537),
    Input("much too long", "payload-too-large", "POST", "/v1/orders", KEY | JSON, b"[" * 2_000_000),
]
