"""What is certainly one complete request, and what is certainly a menu request; all else is left to aiohttp."""

import pytest

from ingress.fast_path import request_parser
from ingress.fast_path.request_parser import (
    CATALOGO_PATH,
    MAX_CACHED_BYTES,
    MAX_REQUEST_BYTES,
    MENU_PATH,
    MenuRequest,
)
from ingress.views.menu_page import MenuQuery

GET = b"GET /v1/restaurants/r1/menu HTTP/1.1\r\nHost: x\r\n"


def test_menu_request_is_parsed_as_by_aiohttp() -> None:
    """Names in any case, values without surrounding space, paths unescaped."""
    head = (
        b'GET /v1/restaurants/r%C3%A9/menu?limit=3&q=%C3%A1 HTTP/1.1\r\nhost: x\r\nIF-NONE-MATCH:  W/"a", *\r\n'
        b"Connection: Keep-Alive\r\nAccept: */*\r\n\r\n"
    )
    assert request_parser.parse_menu_request(head) == MenuRequest(
        MENU_PATH, "ré", MenuQuery(limit=3, q="a"), 'W/"a", *'
    )
    head = b"GET /catalogo?restaurant_id=r+1&limit=3 HTTP/1.1\r\nHost: x\r\n\r\n"
    assert request_parser.parse_menu_request(head) == MenuRequest(
        CATALOGO_PATH, "r 1", MenuQuery(limit=3), None
    )


@pytest.mark.parametrize(
    "data",
    [
        b"",
        GET,
        GET + b"\r\n" + GET,
        GET + b"\r\n" + GET + b"\r\n",
        GET + b"\r\nx",
        GET + b"Content-Length: 0\r\n\r\n",
        GET + b"content-length: 5\r\n\r\nhello",
        GET + b"Transfer-Encoding: chunked\r\n\r\n",
        GET + b"Transfer-Encoding : chunked\r\n\r\n",
        GET + b"Transfer-Encoding:\r\n chunked\r\n\r\n",
        GET + b"Connection: close\r\n\r\n",
        GET + b"Connection: keep-alive, upgrade\r\n\r\n",
        GET + b"Upgrade: websocket\r\n\r\n",
        GET + b"Expect: 100-continue\r\n\r\n",
        GET + b"If-None-Match: *\r\nIf-None-Match: *\r\n\r\n",
        GET + b"X: \x00\r\n\r\n",
        GET + b"X: a\nb\r\n\r\n",
        GET + b"X\r\n\r\n",
        GET + b"X: " + b"x" * MAX_REQUEST_BYTES + b"\r\n\r\n",
        GET.replace(b"\r\n", b"\n") + b"\n",
        b"\r\n" + GET + b"\r\n",
        GET.replace(b"1.1", b"1.0") + b"\r\n",
        GET.replace(b"GET", b"HEAD") + b"\r\n",
        GET.replace(b"/menu", b"/menu/") + b"\r\n",
        GET.replace(b"/menu", b"/menu#x") + b"\r\n",
        GET.replace(b"/r1", b"/") + b"\r\n",
        GET.replace(b"/v1", b"http://x/v1") + b"\r\n",
        GET.replace(b"/v1", b" /v1") + b"\r\n",
        GET.replace(b"/r1", b"/\xe9") + b"\r\n",
        GET.replace(b"/v1/restaurants/r1/menu", b"/catalogo") + b"\r\n",
    ],
)
def test_unusual_request_is_not_a_menu(data: bytes) -> None:
    """Two readings of one request are how requests are smuggled: only one that has a single reading is answered."""
    assert request_parser.parse_menu_request(data) is None


@pytest.mark.parametrize(
    ("data", "whole"),
    [
        (GET + b"\r\n", True),
        (b"POST /v1/orders HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", True),
        (b"POST /v1/orders HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhell", False),
        (b"POST /v1/orders HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nhello", False),
        (b"POST /v1/orders HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", False),
        (b"POST /v1/orders HTTP/1.1\r\nContent-Length: 5\r\ncontent-length: 3\r\n\r\nhello", False),
        (b"POST /v1/orders HTTP/1.1\r\nContent-Length: +5\r\n\r\nhello", False),
        (b"POST /v1/orders HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\nhello", False),
        (GET + b"\r\n" + GET + b"\r\n", False),
        (GET, False),
        (b"\x81\x05hello", False),
    ],
)
def test_single_complete_request(data: bytes, whole: bool) -> None:
    """The fast path waits for requests in flight only where it can count them."""
    assert request_parser.is_single_complete_request(data) is whole


@pytest.mark.parametrize("header", ["Authorization: Bearer s", "cookie: s=1", "Proxy-Authorization: Basic s"])
def test_request_with_a_secret_is_parsed_and_not_kept(header: str) -> None:
    """A cache of heads would be a store of tokens."""
    before = len(request_parser._requests)
    data = GET + header.encode() + b"\r\n\r\n"
    for _ in range(3):
        assert request_parser.parse_menu_request(data) is not None
    assert len(request_parser._requests) == before


def test_frequent_request_is_not_parsed_again() -> None:
    """From its second time; a long one is parsed each time."""
    data = GET + b"X-Frequent: 1\r\n\r\n"
    first, second, third = (request_parser.parse_menu_request(data) for _ in range(3))
    assert first == second and first is not second and second is third
    long = GET + b"X: " + b"x" * MAX_CACHED_BYTES + b"\r\n\r\n"
    assert len({id(request) for request in [request_parser.parse_menu_request(long) for _ in range(3)]}) == 3
