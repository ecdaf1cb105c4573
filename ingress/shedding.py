"""What is shed under pressure, and in which order: pages, reads past the cache, new orders (README, Under pressure).

Never an order that was let in, nor its retry, nor what becomes of it.
"""

import re
from collections.abc import Callable
from functools import lru_cache

import msgspec
from aiohttp import web
from msgspec import Struct

from ingress import front, http_heads, problems, security_headers
from ingress.admission import Pressure
from ingress.asking import Asking
from ingress.attempts import Attempts
from ingress.front import Handler
from ingress.keys import ASKING
from ingress.problems import Overloaded
from schemas import metrics

#: What the interface for programs is made of; all else are pages for people, and their parts.
_PROGRAMS = ("/v1/", "/catalogo", "/pedidos", "/health/", "/metrics", "/problems/")
_ORDERS = (b"POST /v1/orders HTTP/1.1\r\n", b"POST /pedidos HTTP/1.1\r\n")
_KEY = re.compile(rb"\r\nidempotency-key:[ \t]*([!-~]{1,255})[ \t]*\r\n", re.IGNORECASE)
_LANGUAGE = re.compile(rb"\r\naccept-language:([^\r]*)\r\n", re.IGNORECASE)
_OTHER_END = re.compile(rb"\r\n(?:connection:(?![ \t]*keep-alive[ \t]*\r)|expect:|upgrade:)", re.IGNORECASE)

_page = metrics.turned_away.labels("page")
_order = metrics.turned_away.labels("order")


@web.middleware
async def pages(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Send readers of pages away before anybody else."""
    resource = request.match_info.route.resource
    if (
        resource is not None
        and not resource.canonical.startswith(_PROGRAMS)
        and request.app[ASKING].pressure >= Pressure.PAGES
    ):
        _page.inc()
        raise Overloaded()
    return await handler(request)


def spares_reads(asking: Asking) -> Callable[[], bool]:
    """Return what says whether views are to be read less often, and those that nobody has read yet not at all."""
    return lambda: asking.pressure >= Pressure.READS


def require_room(asking: Asking) -> None:
    """Send a new order away where there is no room for it; raises Overloaded."""
    if asking.turns_away():
        _order.inc()
        raise Overloaded()


class _Named(Struct):
    restaurant_id: str


class Refusal(Struct, frozen=True):
    """The answer to an order for which there is no room, and the route that it is counted under."""

    route: str
    wire: bytes

    def count(self, started: float) -> None:
        """Count it as told, of a request that came at this time."""
        front.count(self.route, "POST", 503, started)


class Door:
    """Sends new orders away before a request is made of them, so that refusing takes little from deciding."""

    def __init__(self, asking: Asking, attempts: Attempts) -> None:
        """Take what knows of room, and what knows of retries."""
        self._asking = asking
        self._attempts = attempts

    def refuse(self, data: bytes) -> Refusal | None:
        """Return the answer to bytes that surely are one whole new order for which there is no room; else None."""
        if not data.startswith(_ORDERS) or self._asking.pressure < Pressure.ORDERS:
            return None
        head, _, body = data.partition(b"\r\n\r\n")
        head += b"\r\n"
        keys = _KEY.findall(head)
        if len(keys) != 1 or _OTHER_END.search(head) or not http_heads.is_whole(data):
            return None
        try:
            restaurant_id = msgspec.json.decode(body, type=_Named).restaurant_id
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None
        if self._attempts.is_retry(restaurant_id, keys[0].decode()) or not self._asking.turns_away():
            return None
        _order.inc()
        languages = _LANGUAGE.findall(head)
        seconds = Overloaded().headers["Retry-After"]
        route = "/v1/orders" if data.startswith(_ORDERS[0]) else "/pedidos"
        return _refusal(route, b",".join(languages).decode("latin-1"), seconds)


@lru_cache(maxsize=1024)
def _refusal(route: str, accept_language: str, retry_after: str) -> Refusal:
    """Return the same that aiohttp sends, but for the date."""
    problem = problems.Problem("overloaded", headers={"Retry-After": retry_after})
    response = problems.render(problem, accept_language)
    body = response.body
    assert isinstance(body, bytes)
    headers = {**response.headers, **security_headers.API, "Content-Length": str(len(body))}
    lines = ["HTTP/1.1 503 Service Unavailable", *(f"{name}: {value}" for name, value in headers.items())]
    return Refusal(route, "\r\n".join([*lines, "", ""]).encode() + body)
