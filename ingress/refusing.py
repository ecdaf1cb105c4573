"""What comes before there is a request, answered as a problem: bytes that are no HTTP, too much of it, too many clients."""

import logging
from typing import cast

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong

from ingress import languages, problems, security_headers
from ingress.problems import Overloaded, Problem

log = logging.getLogger(__name__)

#: aiohttp takes it for "log no access".
_NO_LOG = cast(logging.Logger, None)

#: Longest address and longest header of a request, in bytes, and most headers; past them 431.
MAX_LINE_BYTES = 8_190
MAX_HEADERS = 128
#: How long the rest of a body is read after its request was refused, in seconds, so that the client sees why.
LINGERING_SECONDS = 5.0
#: aiohttp's own limit of idle connections, in seconds: never before ours (ingress/connections.py).
KEEPALIVE_SECONDS = 86_400.0


class Refusing(web.RequestHandler):
    """aiohttp's protocol within our limits, which tells what it cannot read as every other problem is told."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Return the answer to what is no request; what was sent is not logged, since a token may be in it."""
        if request.writer.output_size > 0:
            raise ConnectionError("an answer is on its way already")
        if status == 400:
            too_large = isinstance(exc, LineTooLong) or (message or "").startswith("Too many headers")
            slug = "header-fields-too-large" if too_large else "malformed-message"
        else:
            slug = "internal-error"
            log.error("%s %s failed: %s", request.method, request.path, type(exc).__name__)
        response = problems.render(Problem(slug), "")
        response.headers.update(security_headers.API | {"Server": "promo"})  # aiohttp would add its version
        response.force_close()
        return response


def protocol(server: web.Server) -> Refusing:
    """Return aiohttp's protocol of one connection."""
    return Refusing(
        server,
        loop=server._loop,
        access_log=_NO_LOG,
        max_line_size=MAX_LINE_BYTES,
        max_field_size=MAX_LINE_BYTES,
        max_headers=MAX_HEADERS,
        lingering_time=LINGERING_SECONDS,
        keepalive_timeout=KEEPALIVE_SECONDS,
    )


def full() -> bytes:
    """Return the whole answer, head and body, to a client for whom there is no connection left."""
    problem = Overloaded()
    body = problems.document(problem, languages.negotiate(""))
    headers = {
        "Content-Type": "application/problem+json",
        "Content-Length": str(len(body)),
        "Connection": "close",
        **problem.headers,
        **security_headers.API,
    }
    lines = [
        "HTTP/1.1 503 Service Unavailable",
        *(f"{name}: {value}" for name, value in headers.items()),
        "",
        "",
    ]
    return "\r\n".join(lines).encode() + body
