"""The fast path: a connection that answers some requests before aiohttp parses them.

It answers a complete request for a menu whose response is cached, and a new order that must be rejected. It passes
everything else to aiohttp unchanged, which gives the same responses. README.md has the rules and a picture.
"""

import asyncio

from aiohttp import web

from ingress.commands.client import CommandClient
from ingress.fast_path import request_parser
from ingress.fast_path.early_rejection import EarlyRejector, RejectionResponse
from ingress.fast_path.rejection_batch import RejectionBatch
from ingress.http import request_metrics
from ingress.load_shedding.admitted_orders import AdmittedOrders
from ingress.server.connection import ConnectionFactory, ServerConnection
from ingress.server.connection_limits import Connections
from ingress.views.menu_cache import MenuCache
from schemas import timestamps
from schemas.timestamps import MonotonicSeconds


class FastPathConnection(ServerConnection):
    """A connection in front of aiohttp's, which answers cached menus and rejects orders."""

    def __init__(
        self,
        fallback: asyncio.Protocol,
        connections: Connections,
        menus: MenuCache,
        rejector: EarlyRejector,
        rejections: RejectionBatch,
    ) -> None:
        super().__init__(fallback, connections)
        self._menus = menus
        self._rejector = rejector
        self._rejections = rejections
        #: The rejection that is not sent yet, and when its request arrived.
        self._pending_rejection: tuple[RejectionResponse, MonotonicSeconds] | None = None
        #: Complete requests that aiohttp was passed and has not answered.
        self._complete_in_flight = 0
        #: False once data was passed on that may be several requests, or a part of one.
        self._can_count_requests = True
        self._is_writable = True

    def data_received(self, data: bytes) -> None:
        """Answer the request in the data, or pass the data to aiohttp."""
        if not self._is_admitted:
            return
        if self._pending_rejection is not None:  # responses keep the order of their requests
            self._rejections.flush()
        if self._can_count_requests:
            if not self._complete_in_flight and self._is_writable and self._try_answer(data):
                return
            if request_parser.is_single_complete_request(data):
                self._complete_in_flight += 1
            else:
                self._can_count_requests = False
        super().data_received(data)

    def _try_answer(self, data: bytes) -> bool:
        started = timestamps.monotonic_clock()
        if self._transport.is_closing():
            return False
        rejection = self._rejector.reject(data)
        if rejection is not None:
            self._pending_rejection = rejection, started
            self._rejections.add(self._send_rejection)
            self.timers.fast_path_finished(started)
            return True
        request = request_parser.parse_menu_request(data)
        if request is None:
            return False
        page = self._menus.get_fresh(request.restaurant_id, request.query)
        if page is None:
            return False
        status, response = page.to_bytes(request.if_none_match)
        self._transport.write(response)
        self.timers.fast_path_finished(started)
        request_metrics.record(request.route, "GET", status, started)
        return True

    def _send_rejection(self) -> None:
        if self._pending_rejection is None or self._transport.is_closing():
            return
        (rejection, started), self._pending_rejection = self._pending_rejection, None
        self._transport.write(rejection.raw)
        request_metrics.record(rejection.route, "POST", 503, started)

    def request_finished(self, request: web.BaseRequest) -> None:
        """Count a request as answered by aiohttp."""
        self._complete_in_flight -= 1
        super().request_finished(request)

    def _unanswered_size(self) -> int:
        is_idle = self._can_count_requests and not self._complete_in_flight
        return 0 if is_idle else super()._unanswered_size()

    def eof_received(self) -> bool | None:
        """Send the pending rejection, then pass on that the client sends no more."""
        if self._pending_rejection is not None:
            self._rejections.flush()
        return super().eof_received()

    def pause_writing(self) -> None:
        """Leave requests to aiohttp, which waits until the client reads."""
        self._is_writable = False
        super().pause_writing()

    def resume_writing(self) -> None:
        """Answer requests again."""
        self._is_writable = True
        super().resume_writing()


class FastPath(ConnectionFactory):
    """Makes the connections of a server with the fast path."""

    def __init__(self, menus: MenuCache, commands: CommandClient, admitted_orders: AdmittedOrders) -> None:
        self._menus = menus
        self._rejector = EarlyRejector(commands, admitted_orders)
        self._rejections = RejectionBatch()

    def connect(self, fallback: asyncio.Protocol, connections: Connections) -> FastPathConnection:
        return FastPathConnection(fallback, connections, self._menus, self._rejector, self._rejections)

    def close(self) -> None:
        """Send all pending rejections, and delay none from now on."""
        self._rejections.close()
