"""A restaurant's board: GET .../dashboard once, and GET .../feed as a WebSocket that goes on.

The feed is read-only: after its first word a client says nothing, and is let go when it does.
"""

import asyncio
import contextlib
import time
from typing import NoReturn

from aiohttp import WSCloseCode, WSMsgType, web
from msgspec import Struct
from multidict import istr

from ingress import answers
from ingress.front import OPENED_AT
from ingress.keys import HUB, SETTINGS, TOKENS
from ingress.live import first_word, origins
from ingress.live.board_stream import BoardStream
from ingress.live.first_word import Auth, Resume
from ingress.problems import Problem
from schemas import metrics

UNAUTHORIZED, FORBIDDEN, TOO_SLOW, TOO_MANY = 4401, 4403, 4408, 4429

#: Longest message of a client, in bytes.
MAX_MESSAGE_BYTES = 4096
#: Between two pings, in seconds; who does not answer for half as long is gone.
PING_SECONDS = 20.0
#: How long the first message may take, in seconds; and the word of where to resume, which most do not send.
AUTH_SECONDS = 5.0
RESUME_SECONDS = 0.2
#: How long a client may take to take what was written, in seconds.
WRITE_SECONDS = 10.0
#: How long nothing may have been sent before the outbox is looked at again, in seconds.
LOOK_SECONDS = 60.0
#: Bytes that wait in this process for one client's socket.
WRITE_BUFFER = 64 * 1024

_PROTOCOLS = istr("Sec-WebSocket-Protocol")
_delivered = metrics.notifications.labels("feed", "delivered")
_failed = metrics.notifications.labels("feed", "failed")


class Closed(Exception):
    """The connection is to be closed with this code."""

    def __init__(self, code: int, reason: str) -> None:
        """Take the code, and what it means."""
        super().__init__(reason)
        self.code = code
        self.reason = reason.encode()


class Word(Struct, frozen=True):
    """Who has connected, and what it has seen."""

    token: str
    after: str | None


async def dashboard(request: web.Request) -> web.Response:
    """GET /v1/restaurants/{restaurant_id}/dashboard: the restaurant's."""
    restaurant_id = request.match_info["restaurant_id"]
    hub = request.app[HUB]
    board = await hub.board(restaurant_id)
    return web.Response(body=answers.encode(board.dashboard(hub.now())), headers=answers.PRIVATE)


async def feed(request: web.Request) -> web.StreamResponse:
    """GET /v1/restaurants/{restaurant_id}/feed: a snapshot, or what was missed, then each change."""
    socket = web.WebSocketResponse(
        protocols=(first_word.PROTOCOL,),
        heartbeat=PING_SECONDS,
        max_msg_size=MAX_MESSAGE_BYTES,
        timeout=1.0,
        compress=False,  # its windows would take more memory than all else of a connection
    )
    if not socket.can_prepare(request).ok:
        raise Problem("upgrade-required", headers={"Upgrade": "websocket", "Connection": "Upgrade"})
    await socket.prepare(request)
    request[OPENED_AT] = time.perf_counter()
    try:
        await _serve(request, socket)
    except Closed as closed:
        await _close(request, socket, closed.code, closed.reason)
    except (ConnectionError, TimeoutError) as error:
        if isinstance(error, TimeoutError):  # too slow: it resumes where it was
            _failed.inc()
        _abort(request)
    return socket


async def _serve(request: web.Request, socket: web.WebSocketResponse) -> None:
    restaurant_id = request.match_info["restaurant_id"]
    if not origins.is_allowed(
        request.headers.get("Origin"), request.host, request.app[SETTINGS].feed_origins
    ):
        raise Closed(FORBIDDEN, "origin")
    word = await _first_word(request, socket)
    if not request.app[TOKENS].is_restaurant(word.token, restaurant_id):
        raise Closed(FORBIDDEN, "token")
    if request.transport is not None:
        request.transport.set_write_buffer_limits(high=WRITE_BUFFER)
    try:
        with request.app[HUB].restaurant(restaurant_id, word.after) as stream:
            await _exchange(socket, stream)
    except Problem:
        raise Closed(TOO_MANY, "too many") from None


async def _first_word(request: web.Request, socket: web.WebSocketResponse) -> Word:
    """Return token and sequence; raises Closed."""
    token = first_word.offered_token(request.headers.getall(_PROTOCOLS, ()))
    try:
        message = await socket.receive(AUTH_SECONDS if token is None else RESUME_SECONDS)
    except TimeoutError:
        if token is None:
            raise Closed(UNAUTHORIZED, "no token in time") from None
        return Word(token, None)
    if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
        raise ConnectionError
    said = first_word.read(message.data)
    if token is not None and isinstance(said, Resume):
        return Word(token, said.after)
    if token is None and isinstance(said, Auth):
        return Word(said.token, said.after)
    raise Closed(UNAUTHORIZED if token is None else WSCloseCode.POLICY_VIOLATION, "not what was expected")


async def _exchange(socket: web.WebSocketResponse, stream: BoardStream) -> None:
    """Send until one of the two has ended it; raises Closed, ConnectionError."""
    listening = asyncio.ensure_future(_listen(socket))
    sending = asyncio.ensure_future(_send(socket, stream))
    try:
        done, _ = await asyncio.wait([listening, sending], return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in (listening, sending):
            task.cancel()
        await asyncio.gather(listening, sending, return_exceptions=True)


async def _listen(socket: web.WebSocketResponse) -> NoReturn:
    message = await socket.receive()
    if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
        raise Closed(WSCloseCode.POLICY_VIOLATION, "the feed is read-only")
    raise ConnectionError  # it has gone, or said what cannot be read


async def _send(socket: web.WebSocketResponse, stream: BoardStream) -> NoReturn:
    outbox = stream.outbox
    while True:
        message = await outbox.get(LOOK_SECONDS)
        if outbox.overflowed:
            _failed.inc()
            raise Closed(TOO_SLOW, "too slow")
        if message is None and outbox.closed:
            raise Closed(WSCloseCode.GOING_AWAY, "shutting down")
        if message is not None:
            async with asyncio.timeout(WRITE_SECONDS):
                await socket.send_frame(message, WSMsgType.TEXT)
            _delivered.inc()


async def _close(request: web.Request, socket: web.WebSocketResponse, code: int, reason: bytes) -> None:
    """Say why, where the client still listens."""
    with contextlib.suppress(ConnectionError, TimeoutError):
        async with asyncio.timeout(1.0):
            await socket.close(code=code, message=reason)
            return
    _abort(request)


def _abort(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()
