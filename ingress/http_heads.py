"""One whole request in a piece of a connection's bytes, read strictly: what is in any way unusual is left to aiohttp. Pure."""

import re
from functools import lru_cache
from urllib.parse import unquote

from msgspec import Struct

from ingress import reading
from ingress.problems import Problem

MENU = "/v1/restaurants/{restaurant_id}/menu"
CATALOGO = "/catalogo"

#: Longest head that is looked at, in bytes.
LONGEST = 8_190

_HEAD = re.compile(rb"([A-Z]+) ([!-~]+) HTTP/1\.1\r\n((?:[A-Za-z0-9-]+:[\t -~\x80-\xff]*\r\n)+)\r\n")
_LENGTH = re.compile(rb"^content-length:[ \t]*([0-9]{1,9})[ \t]*\r$", re.MULTILINE)
_CONNECTION = re.compile(rb"^connection:(?![ \t]*keep-alive[ \t]*\r$)", re.MULTILINE)
_HOST = re.compile(rb"^host:", re.MULTILINE)
_IF_NONE_MATCH = re.compile(rb"^if-none-match:([^\r]*)\r$", re.MULTILINE | re.IGNORECASE)


class Menu(Struct, frozen=True):
    """A request for a menu, on a connection that stays open."""

    route: str
    restaurant_id: str
    query: str
    if_none_match: str | None


def is_whole(data: bytes) -> bool:
    """Say whether these bytes surely are one request, its body with it, and nothing else."""
    head = _HEAD.match(data) if len(data) <= LONGEST else None
    if head is None:
        return False
    headers = head[3].lower()
    lengths = _LENGTH.findall(headers)
    if (
        b"transfer-encoding" in headers
        or headers.count(b"content-length") != len(lengths)
        or len(lengths) > 1
    ):
        return False
    return head.end() + sum(map(int, lengths)) == len(data)


def menu(data: bytes) -> Menu | None:
    """Return the request for a menu that these bytes surely are, and nothing else; else None."""
    if not data.startswith(b"GET ") or len(data) > LONGEST:
        return None
    try:
        return _menu(data)
    except _OtherError:
        return None


class _OtherError(Exception):
    """It is another request: what is raised is not cached, so that nobody's tokens or orders are kept."""


@lru_cache(maxsize=4096)
def _menu(data: bytes) -> Menu:
    head = _HEAD.fullmatch(data)
    if head is None:
        raise _OtherError
    headers = head[3].lower()
    if any(name in headers for name in (b"transfer-encoding", b"content-length", b"upgrade", b"expect")):
        raise _OtherError
    tags = _IF_NONE_MATCH.findall(head[3])
    if _CONNECTION.search(headers) or len(tags) > 1 or len(_HOST.findall(headers)) != 1:
        raise _OtherError
    asked = _asked(head[2].decode())
    if asked is None:
        raise _OtherError
    return Menu(*asked, tags[0].decode("latin-1").strip() if tags else None)


def _asked(target: str) -> tuple[str, str, str] | None:
    """Return route, restaurant and query of a request for a menu; None for any other."""
    path, _, query = target.partition("?")
    if "#" in target:
        return None
    if path == CATALOGO:
        try:
            return (CATALOGO, *reading.named_menu(query))
        except Problem:
            return None
    match path.split("/"):
        case ["", "v1", "restaurants", restaurant, "menu"] if restaurant:
            return MENU, unquote(restaurant), query
    return None
