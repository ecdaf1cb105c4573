"""A restaurant's board: GET .../dashboard as JSON, and GET .../feed as a WebSocket that follows it.

The feed is read-only: after the handshake, the server closes the connection of a client that sends a message.
"""

import asyncio
import logging
from typing import NoReturn

from aiohttp import WSCloseCode, WSMsgType, web
from multidict import istr

from ingress.handlers import feed_handshake, open_streams, responses
from ingress.handlers.access import read_token, roles
from ingress.handlers.app_keys import HUB, PENDING_HANDSHAKES, SETTINGS, TOKENS
from ingress.handlers.feed_handshake import AuthMessage, ResumeMessage
from ingress.handlers.open_streams import WRITE_TIMEOUT_SECONDS
from ingress.http import request_headers
from ingress.http.issued_tokens import Watch
from ingress.http.problems import Problem, Unavailable
from ingress.http.roles import Role
from ingress.http.token_claims import RestaurantClaims
from ingress.live.send_queue import SendQueue
from schemas import metrics

#: Close codes of our own.
UNAUTHORIZED, FORBIDDEN, TOO_SLOW, TOO_MANY = 4401, 4403, 4408, 4429

#: Longest message of a client, in bytes.
MAX_MESSAGE_BYTES = 4096
#: Time between two pings, in seconds; a client that does not answer for half of that is gone.
PING_INTERVAL_SECONDS = 20.0
#: How long to wait for a first message with the token, in seconds.
AUTH_TIMEOUT_SECONDS = 5.0
#: How long to wait for a first message that only resumes, in seconds; most clients send none.
RESUME_TIMEOUT_SECONDS = 0.2
#: How long a closing handshake may take, in seconds.
CLOSE_TIMEOUT_SECONDS = 1.0
#: Longest wait for a message before the state of the send queue is checked again, in seconds.
QUEUE_TIMEOUT_SECONDS = 60.0
#: Most bytes that wait in this process for one client's socket.
MAX_WRITE_BUFFER_BYTES = 64 * 1024

# aiohttp would log all subprotocols that a client offers: a token may be among them
logging.getLogger("aiohttp.websocket").setLevel(logging.ERROR)
_PROTOCOLS = istr("Sec-WebSocket-Protocol")
_delivered = metrics.notifications.labels("feed", "delivered")
_failed = metrics.notifications.labels("feed", "failed")


class FeedClosed(Exception):
    """The connection must be closed with this code and reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason.encode()


async def dashboard(request: web.Request) -> web.Response:
    """GET /v1/restaurants/{restaurant_id}/dashboard, for the restaurant."""
    hub = request.app[HUB]
    board = await hub.read_board(request.match_info["restaurant_id"])
    return responses.respond(board.dashboard(hub.now()), responses.PRIVATE)


@open_streams.limit_per_address("feed")
async def feed(request: web.Request) -> web.StreamResponse:
    """GET /v1/restaurants/{restaurant_id}/feed: a snapshot, or what the client missed, then every change."""
    socket = web.WebSocketResponse(
        protocols=(feed_handshake.PROTOCOL,),
        heartbeat=PING_INTERVAL_SECONDS,
        max_msg_size=MAX_MESSAGE_BYTES,
        timeout=CLOSE_TIMEOUT_SECONDS,
        compress=False,  # its windows need more memory than the rest of a connection
    )
    if not socket.can_prepare(request).ok:
        raise Problem("upgrade-required", headers={"Upgrade": "websocket", "Connection": "Upgrade"})
    await socket.prepare(request)
    with open_streams.serving(request, "feed", MAX_WRITE_BUFFER_BYTES):
        try:
            await _serve(request, socket)
        except FeedClosed as closed:
            await _close(request, socket, closed)
    return socket


async def _serve(request: web.Request, socket: web.WebSocketResponse) -> None:
    restaurant_id, origins = request.match_info["restaurant_id"], request.app[SETTINGS].feed_origins
    origin = request_headers.joined(request.headers, "Origin") if "Origin" in request.headers else None
    if not feed_handshake.is_allowed_origin(origin, request.host, origins):
        raise FeedClosed(FORBIDDEN, "origin")
    token = feed_handshake.offered_token(request.headers.getall(_PROTOCOLS, ()))
    if token is not None:
        await _require_restaurant(request, token, restaurant_id)
    handshake = await _receive_handshake(request, socket, token)
    claims = await _require_restaurant(request, handshake.token, restaurant_id)
    try:
        with (
            request.app[HUB].follow_restaurant(restaurant_id, handshake.after) as stream,
            request.app[TOKENS].issued.watch(claims, stream.queue.close) as watch,
        ):
            await _exchange(socket, stream.queue, watch)
    except Problem:
        raise FeedClosed(TOO_MANY, "too many") from None


async def _require_restaurant(request: web.Request, token: str, restaurant_id: str) -> RestaurantClaims:
    """Return what a token says that opens the restaurant; raises FeedClosed."""
    try:
        claims = await read_token(request, token, restaurant_id=restaurant_id)
    except Unavailable:
        raise FeedClosed(WSCloseCode.TRY_AGAIN_LATER, "the keys of the issuer") from None
    except Problem:
        raise FeedClosed(UNAUTHORIZED, "token") from None
    if not isinstance(claims, RestaurantClaims) or Role.RESTAURANT not in roles(claims, restaurant_id):
        raise FeedClosed(FORBIDDEN, "token")
    return claims


async def _receive_handshake(
    request: web.Request, socket: web.WebSocketResponse, token: str | None
) -> AuthMessage:
    """Return the token, and the sequence after which the client resumes; raises FeedClosed, ConnectionError.

    `token` is that of the subprotocol.
    """
    try:
        if token is None:
            async with request.app[PENDING_HANDSHAKES].timeout(AUTH_TIMEOUT_SECONDS):
                message = await socket.receive()
        else:
            message = await socket.receive(RESUME_TIMEOUT_SECONDS)
    except TimeoutError:
        if token is None:
            raise FeedClosed(UNAUTHORIZED, "no token in time") from None
        return AuthMessage(token)
    if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
        raise ConnectionError
    match token, feed_handshake.decode(message.data):
        case str(), ResumeMessage(after):
            return AuthMessage(token, after)
        case None, AuthMessage() as sent:
            return sent
    raise FeedClosed(UNAUTHORIZED if token is None else WSCloseCode.POLICY_VIOLATION, "not what was expected")


async def _exchange(socket: web.WebSocketResponse, queue: SendQueue, watch: Watch) -> None:
    """Send until one of the two ends the feed, or its token ends; raises FeedClosed, ConnectionError, TimeoutError."""
    receiving = asyncio.ensure_future(_receive(socket))
    sending = asyncio.ensure_future(_send(socket, queue, watch))
    try:
        done, _ = await asyncio.wait([receiving, sending], return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in (receiving, sending):
            task.cancel()
        await asyncio.gather(receiving, sending, return_exceptions=True)


async def _receive(socket: web.WebSocketResponse) -> NoReturn:
    message = await socket.receive()
    if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
        raise FeedClosed(WSCloseCode.POLICY_VIOLATION, "the feed is read-only")
    raise ConnectionError  # the client is gone, or sent what cannot be decoded


async def _send(socket: web.WebSocketResponse, queue: SendQueue, watch: Watch) -> NoReturn:
    while True:
        message = await queue.get(QUEUE_TIMEOUT_SECONDS)
        if queue.has_overflowed:
            _failed.inc()
            raise FeedClosed(TOO_SLOW, "too slow")
        if watch.has_ended:
            raise FeedClosed(UNAUTHORIZED, "token")
        if message is None and queue.is_closed:
            raise FeedClosed(WSCloseCode.GOING_AWAY, "shutting down")
        if message is not None:
            async with asyncio.timeout(WRITE_TIMEOUT_SECONDS):
                await socket.send_frame(message, WSMsgType.TEXT)
            _delivered.inc()


async def _close(request: web.Request, socket: web.WebSocketResponse, closed: FeedClosed) -> None:
    """Send code and reason to a client that still reads, then end the connection."""
    try:
        async with asyncio.timeout(CLOSE_TIMEOUT_SECONDS):
            await socket.close(code=closed.code, message=closed.reason)
    except (ConnectionError, TimeoutError):
        open_streams.abort(request)
