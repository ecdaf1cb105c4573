"""The hot path: menus, nineteen of twenty requests of a promotion, answered before a request is made of them.

New orders for which there is no room are sent away there, too. It stands between a connection and aiohttp. What surely is one whole request for a menu, while no
other is under way, and whose page is at hand, is answered with the bytes that were last sent of
it. All else is aiohttp's, which gives the same answers. README, Reads, has what it is worth.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import cast

from aiohttp import web

from ingress import front, http_heads, refusing
from ingress.connections import Connections, Patience
from ingress.keys import ASKING, ATTEMPTS, MENUS
from ingress.menus import Menus
from ingress.sending_away import SendingAway
from ingress.shedding import Door, Refusal

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class HotConnection(asyncio.Protocol):
    """One connection: aiohttp's protocol behind, menus before it."""

    def __init__(
        self, behind: asyncio.Protocol, menus: Menus, door: Door, away: SendingAway, others: Connections
    ) -> None:
        """Take aiohttp's protocol for this connection, the pages, who sends orders away and tells them, and the other connections."""
        self.patience = Patience(time.perf_counter())
        self._behind = behind
        self._menus = menus
        self._door = door
        self._away = away
        self._refused: tuple[Refusal, float] | None = None  # and when it came, not told yet
        self._others = others
        self._admitted = False
        self._transport: asyncio.Transport
        self._under_way = 0  # requests that aiohttp has been given and has not answered
        self._counts = True  # until bytes came of which it is not known how many requests they are
        self._writable = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast(asyncio.Transport, transport)
        self._admitted = self._others.admit(self)
        if self._admitted:
            self._behind.connection_made(transport)
        else:
            self._transport.write(refusing.full())
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Answer a menu, send an order away, or give the bytes to aiohttp."""
        if not self._admitted:
            return
        if self._refused is not None:  # answers keep the order of their requests
            self._away.tell()
        if self._counts:
            if not self._under_way and self._writable and self._answer(data):
                return
            if http_heads.is_whole(data):
                self._under_way += 1
            else:
                self._counts = False
        self.patience.received(time.perf_counter())
        self._behind.data_received(data)

    def _answer(self, data: bytes) -> bool:
        started = time.perf_counter()
        if self._transport.is_closing():
            return False
        refusal = self._door.refuse(data)
        if refusal is not None:
            self._refused = refusal, started
            self._away.hold(self)
            self.patience.answered_at_once(started)
            return True
        asked = http_heads.menu(data)
        if asked is None:
            return False
        page = self._menus.at_hand(asked.restaurant_id, asked.query)
        if page is None:
            return False
        status, answer = page.wire(asked.if_none_match)
        self._transport.write(answer)
        self.patience.answered_at_once(started)
        front.count(asked.route, "GET", status, started)
        return True

    def tell(self) -> None:
        """Send the answer to the order that was sent away."""
        if self._refused is None or self._transport.is_closing():
            return
        (refusal, started), self._refused = self._refused, None
        self._transport.write(refusal.wire)
        refusal.count(started)

    def asked(self) -> None:
        """Hear that aiohttp has read a request's head."""
        self.patience.asked()

    def answered(self, _: object) -> None:
        """Hear that aiohttp has answered a request."""
        self._under_way -= 1
        self.patience.answered(time.perf_counter())

    def abort(self) -> None:
        """End it at once: the client has kept us waiting for too long."""
        self._transport.abort()

    def eof_received(self) -> bool | None:
        """Pass it on, once all that came before is answered."""
        if self._refused is not None:
            self._away.tell()
        return self._behind.eof_received() if self._admitted else None

    def pause_writing(self) -> None:
        """Answer nothing more by ourselves while the client does not read."""
        self._writable = False
        self.patience.reads(False, time.perf_counter())
        self._behind.pause_writing()

    def resume_writing(self) -> None:
        """Go on."""
        self._writable = True
        self.patience.reads(True, time.perf_counter())
        self._behind.resume_writing()

    def connection_lost(self, error: Exception | None) -> None:
        """End."""
        if self._admitted:
            self._others.leave(self)
            self._behind.connection_lost(error)


def protocols(
    app: web.Application, server: web.Server, connections: Connections, away: SendingAway
) -> Callable[[], HotConnection]:
    """Return what makes the protocol of each connection to a server of the application."""
    menus, common = app[MENUS], server.request_handler
    door = Door(app[ASKING], app[ATTEMPTS])

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        connection = request.transport.get_protocol() if request.transport else None
        task = asyncio.current_task()
        if isinstance(connection, HotConnection) and task is not None:
            connection.asked()
            task.add_done_callback(connection.answered)  # the task ends when the answer is written
        return await common(request)

    server.request_handler = handle
    return lambda: HotConnection(refusing.protocol(server), menus, door, away, connections)
