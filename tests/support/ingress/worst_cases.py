"""Requests within the limits that make as much work of their bytes as we know how to, for every route.

A body is made at any size, so that a test can compare the work of two sizes.
"""

import base64
import string
from collections.abc import Iterable, Iterator
from itertools import chain, cycle, islice, product, repeat

import msgspec
from msgspec import Struct

from ingress.http.request_body import MAX_BODY_BYTES
from ingress.openapi.route import Route
from ingress.server.aiohttp_protocol import MAX_HEADERS, MAX_LINE_BYTES

#: Headers of a case that come with its own; of 128.
OTHER_HEADERS = 8


class WorstCase(Struct, frozen=True):
    """One request, that a client may send in one piece."""

    name: str
    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    chunk_bytes: int = 0  # 0: the body has a length

    def to_bytes(self) -> bytes:
        """Return the whole request."""
        fields = [("Host", "x"), *self.headers]
        body = self.body
        if self.chunk_bytes:
            fields.append(("Transfer-Encoding", "chunked"))
            parts = [body[at : at + self.chunk_bytes] for at in range(0, len(body), self.chunk_bytes)]
            body = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
        elif body:
            fields.append(("Content-Length", str(len(body))))
        head = f"{self.method} {self.target} HTTP/1.1\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in fields) + "\r\n"
        return head.encode("latin-1") + body


def requests(route: Route, target: str, headers: dict[str, str]) -> Iterator[WorstCase]:
    """Yield the cases of one route; the target names existing resources, and the headers open it."""
    common = tuple(headers.items())
    for name, value in _fields():
        given = tuple((other, text) for other, text in common if other != name)
        yield WorstCase(f"one {name} {value[:8]!r}", route.method, target, (*given, (name, value)))
        lines = repeat((name, value), MAX_HEADERS - OTHER_HEADERS)
        yield WorstCase(f"many {name} {value[:8]!r}", route.method, target, (*given, *lines))
    for query in _queries(MAX_LINE_BYTES - 600):
        joined = f"{target}{'&' if '?' in target else '?'}{query}"
        yield WorstCase(f"query {query[:12]!r}", route.method, joined, common)
    json_headers = (*common, ("Content-Type", "application/json"))
    for name, body in bodies(MAX_BODY_BYTES).items():
        yield WorstCase(f"body {name}", route.method, target, json_headers, body)
    for size in (1, 2, 16):
        body = bodies(MAX_BODY_BYTES)["blanks"]
        yield WorstCase(f"chunks of {size}", route.method, target, json_headers, body, size)
    encoded = (*json_headers, ("Content-Encoding", "gzip"))
    yield WorstCase("encoded", route.method, target, encoded, b"\x1f\x8b" + bytes(MAX_BODY_BYTES - 2))


def bodies(size: int) -> dict[str, bytes]:
    """Return JSON of nearly this many bytes each, by what it has much of."""
    text = {
        "names, one twice": _fill('{"":0,"":0', (f',"{name}":0' for name in _names()), "}", size),
        "names, each twice": _fill('{"":0', (f',"{name}":0,"{name}":0' for name in _names()), "}", size),
        "one name": _fill('{"":0', repeat(',"":0'), "}", size),
        "names of objects": _fill('{"":{}', (f',"{name}":{{}}' for name in _names()), "}", size),
        "numbers in a list": _fill('{"items":[0', repeat(",0"), "]}", size),
        "objects in a list": _fill('{"items":[{}', repeat(",{}"), "]}", size),
        "lists in a list": _fill('{"items":[[]', repeat(",[]"), "]}", size),
        "repeated names in a list": _fill('{"items":[0', repeat(',{"":0,"":0}'), "]}", size),
        "nested objects in a list": _fill('{"items":[0', repeat(',{"":{"":{"":{}}}}'), "]}", size),
        "names in a list": _fill('{"items":[0', cycle([',{"":0', *_some(',"%s":0', 60), "}"]), "}]}", size),
        "lines with every error": _fill('{"items":[0', repeat("," + _BAD_LINE), "]}", size),
        "order lines past the limit": _order(size, '{"sku":"a","quantity":1}'),
        "promotion lines past the limit": _promotion(size, '{"sku":"a","promo_price":{"amount":1}}'),
        "promotion lines with an error": _promotion(size, '{"sku":"a ","promo_price":{"amount":1}}'),
        "list": _fill("[0", repeat(",0"), "]", size),
        "list of objects": _fill("[{}", repeat(",{}"), "]", size),
        "nested lists": "[" * (size // 2) + "]" * (size // 2),
        "nested objects": _nest('{"a":', "{}", "}", 900),
        "numbers in nested lists": _nest("[", _fill("0", repeat(",0"), "", size - 1_820), "]", 900),
        "repeated names in nested lists": _nest(
            "[", _fill("0", repeat(',{"":0,"":0}'), "", size - 820), "]", 400
        ),
        "long integers": _fill("[0", repeat("," + "9" * 4_299), "]", size),
        "a long integer": f'{{"items":{"9" * (size - 20)}}}',
        "a long fraction": f'{{"expirationTime":0.{"9" * (size - 30)}}}',
        "exponents": _fill("[0", repeat(",1e308"), "]", size),
        "escapes": _fill('{"restaurant_id":"', repeat(r"\u00e9"), '"}', size),
        "escapes in a name": _fill('{"', repeat(r"\u0001"), '":0}', size),
        "lone surrogates": _fill('{"name":"', repeat(r"\ud800"), '"}', size),
        "line feeds": _fill('{"name":"', repeat(r"\n"), '"}', size),
        "slashes in a name": _fill('{"', repeat("/~"), '":0}', size),
        "places in a name": _fill('{"', repeat(" - at `$"), '":0}', size),
        "a blank in a webhook": f'{{"name":"x","webhook":"https://{"a" * 1_980} "}}',
        "a blank in an endpoint": f'{{"endpoint":"https://{"a" * 1_980} ","keys":{{"p256dh":"","auth":""}}}}',
        "a long webhook": _fill('{"name":"x","webhook":"https://', repeat("a."), ' "}', size),
        "a long name": _fill('{"name":"', repeat("\u00e9"), '","price":{"amount":1}}', size),
        "a long instant": _fill('{"starts_at":"', repeat("2"), '","ends_at":1,"items":[]}', size),
        "blanks": _fill("", repeat(" "), '{"restaurant_id":1}', size),
    }
    return {name: body.encode() for name, body in text.items()}


_BAD_LINE = (
    '{"sku":" ","quantity":0,"expected_unit_price":{"amount":-1,"x":1},"promo_price":{"amount":-1,"currency":"X"},'
    '"portions":-1,"per_customer_limit":0,"x":{}}'
)


def _fields() -> Iterator[tuple[str, str]]:
    """Yield headers whose value is as long as one may be."""
    lists = {
        "Accept": ("text/html;q=0.1,", ";"),
        "Accept-Encoding": ("gzip,",),
        "Accept-Language": ("en;q=0.1,", ";", "a,"),
        "Authorization": ("Bearer ", "a"),
        "Content-Encoding": ("identity,",),
        "Cookie": ("a=b;",),
        "If-None-Match": ('"a",', ","),
        "Last-Event-ID": ("1",),
        "Origin": ("https://[", "a"),
        "Prefer": ("a,", "wait=1,", ";"),
        "Range": ("bytes=0-1,",),
        "Sec-WebSocket-Protocol": ("a,", "bearer."),
        "X-Forwarded-For": ("127.0.0.1,", "::1,", ","),
        "traceparent": ("00-",),
    }
    for name, parts in lists.items():
        for part in parts:
            yield name, part * ((MAX_LINE_BYTES - len(name) - 8) // len(part))
    addresses = (f"127.{high}.{low}.1," for high in range(256) for low in range(256))
    yield "X-Forwarded-For", _fill("", addresses, "127.0.0.1", MAX_LINE_BYTES - 30)


def _queries(size: int) -> Iterator[str]:
    for part in ("&a", "&a=b", "&q=", "&q=%41", "&restaurant_id=a", "%41", "+", "&cursor", "&limit=1"):
        yield part * (size // len(part))
    yield "limit=" + "9" * (size - 10)
    yield "cursor=" + "A" * (size - 10)
    marks = b"".join(number.to_bytes(6) for number in range(500))
    cursor = (
        base64.urlsafe_b64encode(msgspec.msgpack.encode(("name", ("a", "a"), marks))).rstrip(b"=").decode()
    )
    yield f"sort=name&cursor={cursor}"
    yield "q=" + "+".join(islice(_names(), 80))[:200]
    yield "sort=name&q=" + "+".join(string.ascii_lowercase)


def _order(size: int, line: str) -> str:
    return _fill(
        f'{{"restaurant_id":"r1","payment":{{"method":"pix"}},"items":[{line}', repeat("," + line), "]}", size
    )


def _promotion(size: int, line: str) -> str:
    head = '{"starts_at":"2026-01-01T12:00:00Z","ends_at":"2026-01-01T12:15:00Z","items":['
    return _fill(head + line, repeat("," + line), "]}", size)


def _fill(head: str, parts: Iterable[str], tail: str, size: int) -> str:
    """Return head, as many parts as fit into this many bytes, and tail."""
    made, room = [head], size - len(head.encode()) - len(tail.encode())
    for part in parts:
        room -= len(part.encode())
        if room < 0:
            break
        made.append(part)
    return "".join([*made, tail])


def _nest(begin: str, inner: str, end: str, depth: int) -> str:
    return f'{{"items":{begin * depth}{inner}{end * depth}}}'


def _names() -> Iterator[str]:
    """Yield short distinct names."""
    characters = string.ascii_letters + string.digits
    return chain.from_iterable(map("".join, product(characters, repeat=length)) for length in (1, 2, 3))


def _some(pattern: str, count: int) -> list[str]:
    return [pattern % name for name in islice(_names(), count)]
