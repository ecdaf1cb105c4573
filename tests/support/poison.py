"""Some forty kinds of unreadable records."""

import json

GOOD = {
    "type": "place-order",
    "order_id": "o_1",
    "restaurant_id": "r1",
    "idempotency_key_hash": "h",
    "request_fingerprint": "f",
    "items": [{"sku": "coxinha", "quantity": 1}],
    "payment": {"method": "cash"},
}


def _with(**changes: object) -> bytes:
    return json.dumps(GOOD | changes).encode()


def _without(name: str) -> bytes:
    return json.dumps({k: v for k, v in GOOD.items() if k != name}).encode()


#: Name -> value; None is a record without a value.
KINDS: dict[str, bytes | None] = {
    "no value": None,
    "empty": b"",
    "a space": b" ",
    "a zero byte": b"\0",
    "not UTF-8": b"\xff\xfe\xfd",
    "UTF-16": '{"type":"tick"}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"type":"tick"}',
    "half an object": json.dumps(GOOD).encode()[:40],
    "a trailing comma": b'{"type":"tick",}',
    "two objects": b'{"type":"tick"}{"type":"tick"}',
    "single quotes": b"{'type':'tick'}",
    "NaN": b'{"type":NaN}',
    "null": b"null",
    "true": b"true",
    "a number": b"42",
    "a string": b'"tick"',
    "a list": b"[]",
    "an empty object": b"{}",
    "no type": _without("type"),
    "an unknown type": _with(type="nope"),
    "a type that is a number": _with(type=1),
    "a type that is null": _with(type=None),
    "XML": b"<order/>",
    "a pickle": b"\x80\x04\x95.",
    "a schema registry's envelope": b"\0\0\0\0\x01" + json.dumps(GOOD).encode(),
    "gzip": b"\x1f\x8b\x08\x00",
    "deeply nested": b"[" * 5_000,
    "a megabyte of nothing": b" " * 500_000,
    "no restaurant": _without("restaurant_id"),
    "a restaurant that is null": _with(restaurant_id=None),
    "a restaurant that is not the key's": _with(restaurant_id="r2"),
    "no order id": _without("order_id"),
    "an order id that is a number": _with(order_id=7),
    "no lines given": _without("items"),
    "lines that are an object": _with(items={}),
    "lines of null": _with(items=[None]),
    "a line without a sku": _with(items=[{"quantity": 1}]),
    "a quantity of zero": _with(items=[{"sku": "coxinha", "quantity": 0}]),
    "a negative quantity": _with(items=[{"sku": "coxinha", "quantity": -1}]),
    "a quantity and a half": _with(items=[{"sku": "coxinha", "quantity": 1.5}]),
    "a quantity in words": _with(items=[{"sku": "coxinha", "quantity": "one"}]),
    "a huge quantity": _with(items=[{"sku": "coxinha", "quantity": 10**30}]),
    "sealed data that is an object": _with(personal={"street": "Rua A"}),
    "sealed data that is no base64": _with(personal="Rua A"),
    "no payment": _without("payment"),
    "a payment in shells": _with(payment={"method": "shells"}),
    "no fingerprint": _without("request_fingerprint"),
}
