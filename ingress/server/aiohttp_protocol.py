"""aiohttp's protocol within our limits, and problem documents where there is no request: malformed HTTP, too many clients."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, cast

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong

from ingress.http import problems, security_headers
from ingress.http.problem_catalogue import PROBLEMS
from ingress.http.problems import Problem
from ingress.http.raw_response import encode_response
from ingress.server.masked_frames import MaskedFrames
from schemas.languages import DEFAULT_LANGUAGE

log = logging.getLogger(__name__)

#: aiohttp writes no access log where the logger is None.
_NO_ACCESS_LOG = cast(logging.Logger, None)

#: Longest request line and longest header in bytes, and most headers; a longer or further one is answered 431.
MAX_LINE_BYTES = 8_190
MAX_HEADERS = 128
#: Bytes that are parsed in one step of the event loop, and that wait for a handler before the client must wait: these
#: may be 700 chunks or frames.
MAX_STEP_BYTES = 4_096
#: How long to read the rest of a body after its request was rejected, in seconds, so that the client sees the response.
LINGERING_TIMEOUT_SECONDS = 5.0
#: aiohttp's own limit of idle connections, in seconds: so great that ours (connection_limits.py) comes first.
KEEPALIVE_TIMEOUT_SECONDS = 86_400.0


class ProblemRequestHandler(web.RequestHandler):
    """aiohttp's protocol, which parses little at once, and answers what it cannot parse with a problem document.

    A read of the socket may bring 256 KiB, which may be 40,000 chunks or frames: half a second of work. The rest of it
    waits here, and the client too, while the event loop serves others.
    """

    __slots__ = ("_frames", "_is_scheduled", "_unparsed")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._unparsed: deque[bytes] = deque()
        self._is_scheduled = False
        self._frames = MaskedFrames()

    def data_received(self, data: bytes) -> None:
        """Parse the data now, or in further steps; no data: what aiohttp keeps because it has paused."""
        if not data or (len(data) <= MAX_STEP_BYTES and not self._unparsed):
            self._parse(data)
            return
        self._unparsed.extend(data[at : at + MAX_STEP_BYTES] for at in range(0, len(data), MAX_STEP_BYTES))
        self._pause_transport_reading()
        self._schedule()

    def set_parser(self, parser: Any, data_received_cb: Callable[[], None] | None = None) -> None:
        """Read frames from now on, and only masked ones."""
        self._message_tail = self._frames.reject_unmasked(self._message_tail)
        super().set_parser(parser, data_received_cb)

    def _parse(self, data: bytes) -> None:
        if self._payload_parser is not None:
            data = self._frames.reject_unmasked(data)
        super().data_received(data)

    def _schedule(self) -> None:
        if not (self._is_scheduled or self._reading_paused or self._buffer_paused):
            self._is_scheduled = True
            self._loop.call_soon(self._parse_next)

    def _parse_next(self) -> None:
        self._is_scheduled = False
        if self.transport is None:
            self._unparsed.clear()
        elif not (self._reading_paused or self._buffer_paused):
            self._parse(self._unparsed.popleft())
            if not (self._reading_paused or self._buffer_paused):
                self._resume_transport_reading()

    def _resume_transport_reading(self) -> None:
        """Parse what waits before anything more is read."""
        if self._unparsed:
            self._schedule()
        else:
            super()._resume_transport_reading()

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
        read_bufsize=MAX_STEP_BYTES,
        auto_decompress=False,  # encoded bodies are rejected (request_headers.require_identity)
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
