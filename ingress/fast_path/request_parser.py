"""Recognises one complete request in the bytes of a connection.

It accepts only what has a single reading: anything unusual is left to aiohttp, because two readings of one request are
how requests are smuggled (RFC 9112, section 11.2). Pure.
"""

import re
from urllib.parse import unquote

from msgspec import Struct

from ingress.http import query_params
from ingress.http.problems import Problem
from ingress.memory.sized_lru import SizedLru
from ingress.views import menu_page
from ingress.views.menu_page import MenuQuery

#: The routes of menus; a test compares them with the table of routes.
MENU_PATH = "/v1/restaurants/{restaurant_id}/menu"
CATALOGO_PATH = "/catalogo"

#: Longest request that is recognised, in bytes.
MAX_REQUEST_BYTES = 8_190

_HEAD = re.compile(rb"([A-Z]+) ([!-~]+) HTTP/1\.1\r\n((?:[A-Za-z0-9-]+:[\t -~\x80-\xff]*\r\n)+)\r\n")
_CONTENT_LENGTH = re.compile(rb"^content-length:[ \t]*([0-9]{1,9})[ \t]*\r$", re.MULTILINE)
_CONNECTION_CHANGE = re.compile(rb"^connection:(?![ \t]*keep-alive[ \t]*\r$)", re.MULTILINE)
_HOST = re.compile(rb"^host:", re.MULTILINE)
#: A head with one of these is not cached: the cache keeps no secret of a client.
_SECRET = re.compile(rb"^(?:authorization|proxy-authorization|cookie):", re.MULTILINE)
#: Longest head that is cached, in bytes; browsers send half of it.
MAX_CACHED_BYTES = 2_048
#: What a parsed request needs besides its head, for a byte of it: its texts, and those of its query.
PARSED_FACTOR, PARSED_BYTES = 4, 600
_IF_NONE_MATCH = re.compile(rb"^if-none-match:([^\r]*)\r$", re.MULTILINE | re.IGNORECASE)


class MenuRequest(Struct, frozen=True):
    """A request for a menu after which the connection stays open."""

    route: str
    restaurant_id: str
    query: MenuQuery
    if_none_match: str | None


#: By their bytes, so that a frequent request is not parsed again.
_requests: SizedLru[bytes, MenuRequest] = SizedLru("request_heads")


def is_single_complete_request(data: bytes) -> bool:
    """Return True if the data is certainly one request with its whole body, and nothing else."""
    head = _HEAD.match(data) if len(data) <= MAX_REQUEST_BYTES else None
    if head is None:
        return False
    headers = head[3].lower()
    lengths = _CONTENT_LENGTH.findall(headers)
    if (
        b"transfer-encoding" in headers
        or headers.count(b"content-length") != len(lengths)
        or len(lengths) > 1
    ):
        return False
    return head.end() + sum(map(int, lengths)) == len(data)


def parse_menu_request(data: bytes) -> MenuRequest | None:
    """Return the menu request if the data is certainly that and nothing else, else None."""
    if not data.startswith(b"GET ") or len(data) > MAX_REQUEST_BYTES:
        return None
    request = _requests.get(data)
    if request is None and (head := _HEAD.fullmatch(data)) is not None:
        headers = head[3].lower()
        request = _menu_request(head, headers)
        if request is not None and len(data) <= MAX_CACHED_BYTES and not _SECRET.search(headers):
            _requests.put_on_second_request(data, request, len(data) * (1 + PARSED_FACTOR) + PARSED_BYTES)
    return request


def _menu_request(head: re.Match[bytes], headers: bytes) -> MenuRequest | None:
    if any(name in headers for name in (b"transfer-encoding", b"content-length", b"upgrade", b"expect")):
        return None
    tags = _IF_NONE_MATCH.findall(head[3])
    if _CONNECTION_CHANGE.search(headers) or len(tags) > 1 or len(_HOST.findall(headers)) != 1:
        return None
    target = _parse_target(head[2].decode())
    if target is None:
        return None
    route, restaurant_id, query_string = target
    try:
        query = menu_page.parse_query(query_string)
    except Problem:
        return None
    return MenuRequest(route, restaurant_id, query, tags[0].decode("latin-1").strip() if tags else None)


def _parse_target(target: str) -> tuple[str, str, str] | None:
    """Return route, restaurant and query of a menu request; None for any other."""
    path, _, query = target.partition("?")
    if "#" in target:
        return None
    if path == CATALOGO_PATH:
        try:
            return (CATALOGO_PATH, *query_params.split_restaurant_id(query))
        except Problem:
            return None
    match path.split("/"):
        case ["", "v1", "restaurants", restaurant, "menu"] if restaurant:
            return MENU_PATH, unquote(restaurant), query
    return None
