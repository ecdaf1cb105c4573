"""aiohttp's protocol within our limits, and problem documents where there is no request: malformed HTTP, too many clients."""

import asyncio
import logging
from http import HTTPStatus
from typing import cast

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong

from ingress.http import problems, security_headers
from ingress.http.problem_catalogue import PROBLEMS
from ingress.http.problems import Problem
from ingress.http.raw_response import encode_response
from schemas.languages import DEFAULT_LANGUAGE

log = logging.getLogger(__name__)

#: aiohttp writes no access log where the logger is None.
_NO_ACCESS_LOG = cast(logging.Logger, None)

#: Longest request line and longest header in bytes, and most headers; a longer or further one is answered 431.
MAX_LINE_BYTES = 8_190
MAX_HEADERS = 128
#: How long to read the rest of a body after its request was rejected, in seconds, so that the client sees the response.
LINGERING_TIMEOUT_SECONDS = 5.0
#: aiohttp's own limit of idle connections, in seconds: so great that ours (connection_limits.py) comes first.
KEEPALIVE_TIMEOUT_SECONDS = 86_400.0


class ProblemRequestHandler(web.RequestHandler):
    """aiohttp's protocol, which answers what it cannot parse with a problem document."""

    __slots__ = ()

    @property
    def is_websocket(self) -> bool:
        """True if what the client sends is read as WebSocket messages."""
        return self._payload_parser is not None

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Return the response to malformed HTTP; what was sent is not logged, because it may contain a token."""
        if request.writer.output_size > 0:
            raise ConnectionError("a response was already started")
        if status == 400:
            too_large = isinstance(exc, LineTooLong) or (message or "").startswith("Too many headers")
            slug = "header-fields-too-large" if too_large else "malformed-message"
        else:
            slug = "internal-error"
            name = type(exc).__name__
            if not isinstance(exc, ConnectionError):  # the client is gone
                log.error("request failed outside its handler: %s %s: %s", request.method, request.path, name)
        response = problems.respond(Problem(slug), "")
        response.headers.update(security_headers.API | {"Server": "promo"})  # aiohttp would send its version
        response.force_close()
        return response


def is_websocket(protocol: asyncio.BaseProtocol) -> bool:
    """Return True if aiohttp reads WebSocket messages on this connection."""
    return isinstance(protocol, ProblemRequestHandler) and protocol.is_websocket


def make_request_handler(server: web.Server) -> ProblemRequestHandler:
    """Return aiohttp's protocol of one connection."""
    return ProblemRequestHandler(
        server,
        loop=server._loop,
        access_log=_NO_ACCESS_LOG,
        max_line_size=MAX_LINE_BYTES,
        max_field_size=MAX_LINE_BYTES,
        max_headers=MAX_HEADERS,
        lingering_time=LINGERING_TIMEOUT_SECONDS,
        keepalive_timeout=KEEPALIVE_TIMEOUT_SECONDS,
    )


def connection_rejection(problem: Problem) -> bytes:
    """Return the whole response, head and body, to a client whose connection exceeds a limit."""
    body, status = problems.encode(problem, DEFAULT_LANGUAGE), HTTPStatus(PROBLEMS[problem.slug].status)
    headers = {
        "Content-Type": "application/problem+json",
        "Content-Length": str(len(body)),
        "Connection": "close",
        **problem.headers,
        **security_headers.API,
    }
    return encode_response(f"{status.value} {status.phrase}", headers, body)
