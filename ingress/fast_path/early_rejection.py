"""Rejects new orders under overload before aiohttp parses them, so that rejecting takes little time from deciding.

It never rejects an admitted order, a retry of one, or a later action on one. DECISIONS.md, honest-under-pressure
"""

import re
from functools import lru_cache

import msgspec
from msgspec import Struct

from ingress.commands.admission import Pressure
from ingress.commands.client import CommandClient
from ingress.fast_path import request_parser
from ingress.http import problems, security_headers
from ingress.http.content_negotiation import negotiate_language
from ingress.http.problems import Overloaded, Problem
from ingress.http.raw_response import encode_response
from ingress.load_shedding.admitted_orders import AdmittedOrders
from schemas import identity
from schemas.languages import Language

#: The routes that place an order; a test compares them with the table of routes.
ORDER_PATHS = ("/v1/orders", "/pedidos")

_REQUEST_LINES = {f"POST {path} HTTP/1.1\r\n".encode(): path for path in ORDER_PATHS}
_ORDER_LINES = tuple(_REQUEST_LINES)
_IDEMPOTENCY_KEY = re.compile(rb"\r\nidempotency-key:[ \t]*([!-~]{1,255})[ \t]*\r\n", re.IGNORECASE)
_ACCEPT_LANGUAGE = re.compile(rb"\r\naccept-language:([^\r]*)\r\n", re.IGNORECASE)
#: Headers after which the connection does not simply stay open.
_CONNECTION_CHANGE = re.compile(
    rb"\r\n(?:connection:(?![ \t]*keep-alive[ \t]*\r)|expect:|upgrade:)", re.IGNORECASE
)


class RejectionResponse(Struct, frozen=True):
    """The whole response to a rejected order, and the route for metrics."""

    route: str
    raw: bytes


class _RestaurantField(Struct):
    restaurant_id: str


class EarlyRejector:
    """Decides by the bytes of a request whether to reject it."""

    def __init__(self, commands: CommandClient, admitted_orders: AdmittedOrders) -> None:
        self._commands = commands
        self._admitted_orders = admitted_orders

    def reject(self, data: bytes) -> RejectionResponse | None:
        """Return the response if the data is exactly one new order and there is no room for it, else None."""
        if not data.startswith(_ORDER_LINES) or self._commands.pressure < Pressure.ORDERS:
            return None
        head, _, body = data.partition(b"\r\n\r\n")
        head += b"\r\n"
        keys = _IDEMPOTENCY_KEY.findall(head)
        if (
            len(keys) != 1
            or _CONNECTION_CHANGE.search(head)
            or not request_parser.is_single_complete_request(data)
        ):
            return None
        try:
            restaurant_id = msgspec.json.decode(body, type=_RestaurantField).restaurant_id
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None
        if (
            self._admitted_orders.is_admitted(identity.order_id(restaurant_id, keys[0].decode()))
            or not self._commands.should_reject_order()
        ):
            return None
        route = next(path for line, path in _REQUEST_LINES.items() if data.startswith(line))
        accept_language = b",".join(_ACCEPT_LANGUAGE.findall(head)).decode("latin-1")
        return _response(route, negotiate_language(accept_language), Overloaded().headers["Retry-After"])


@lru_cache(maxsize=64)
def _response(route: str, language: Language, retry_after: str) -> RejectionResponse:
    """Return what aiohttp would send, but without a Date."""
    response = problems.respond(Problem("overloaded", headers={"Retry-After": retry_after}), language)
    body = response.body
    assert isinstance(body, bytes)
    headers = {**response.headers, **security_headers.API, "Content-Length": str(len(body))}
    return RejectionResponse(route, encode_response("503 Service Unavailable", headers, body))
