"""Which client follows which order or board, and which restaurants have to be synced for them.

A stream whose order no view shows within a minute ends. So an order that never was holds no place for longer; a client
that still waits comes back.
"""

import asyncio
import contextlib
import heapq
from collections.abc import Callable, Iterable, Iterator

from msgspec import Struct

from ingress.live.board_stream import BoardStream
from ingress.live.order_stream import OrderStream
from ingress.live.restaurant_subscribers import RestaurantSubscribers
from schemas import timestamps
from schemas.timestamps import MonotonicSeconds

#: How long a stream waits for its order to appear in a view, in seconds.
FIND_TIMEOUT_SECONDS = 60.0
#: Bounds of the time between two reads of an order that no view shows yet, in seconds; it doubles from read to read.
MIN_FIND_INTERVAL_SECONDS, MAX_FIND_INTERVAL_SECONDS = 0.25, 2.0
#: Most of these orders that are read together; the others wait for the next time.
MAX_ORDERS_PER_FIND = 200


class AwaitedOrder(Struct):
    """An order that no view shows yet: who waits for it, and when it is read next and how long after."""

    streams: set[OrderStream]
    due: MonotonicSeconds
    interval: float = MIN_FIND_INTERVAL_SECONDS


class Subscriptions:
    """The open streams of this process, by restaurant."""

    def __init__(self, clock: Callable[[], MonotonicSeconds] = timestamps.monotonic_clock) -> None:
        self._clock = clock
        self.by_restaurant: dict[str, RestaurantSubscribers] = {}
        #: Streams of orders that no view shows yet, by order: their restaurant is not known.
        self.awaiting_view: dict[str, AwaitedOrder] = {}
        self._deadlines: dict[OrderStream, MonotonicSeconds] = {}  # to be found by a view, the earliest first
        #: Set while a sync step is due.
        self.has_work = asyncio.Event()
        self._dirty: set[str] = set()  # restaurants that may have changed since they were synced
        self._is_closed = False

    @contextlib.contextmanager
    def open_order_stream(self, stream: OrderStream) -> Iterator[OrderStream]:
        """Follow an order with this stream for the block; after `close`, the stream ends at once."""
        if self._is_closed:
            stream.queue.close()
        if stream.restaurant_id is None:
            self._await_view(stream)
        else:
            self._attach(stream, stream.restaurant_id)
        self._deadlines[stream] = MonotonicSeconds(self._clock() + FIND_TIMEOUT_SECONDS)
        try:
            yield stream
        finally:
            stream.queue.drop()
            self._deadlines.pop(stream, None)
            if stream.restaurant_id is None:
                self._stop_awaiting(stream)
            else:
                self.by_restaurant[stream.restaurant_id].remove_order_stream(stream)
                self._drop_if_unused(stream.restaurant_id)

    @contextlib.contextmanager
    def open_board_stream(self, stream: BoardStream) -> Iterator[BoardStream]:
        """Follow a board with this stream for the block; after `close`, the stream ends at once."""
        if self._is_closed:
            stream.queue.close()
        self._subscribers(stream.restaurant_id).board_streams.add(stream)
        self.mark_dirty([stream.restaurant_id])
        try:
            yield stream
        finally:
            stream.queue.drop()
            self.by_restaurant[stream.restaurant_id].remove_board_stream(stream)
            self._drop_if_unused(stream.restaurant_id)

    def order_became_visible(self, order_id: str, restaurant_id: str) -> None:
        """Attach the streams that awaited this order to its restaurant."""
        awaited = self.awaiting_view.pop(order_id, None)
        for stream in awaited.streams if awaited is not None else ():
            self._attach(stream, restaurant_id)

    def pop_due_orders(self) -> list[str]:
        """Return awaited orders that have to be read now, the longest due first, and put off their next read."""
        now = self._clock()
        due = [
            (awaited.due, order_id) for order_id, awaited in self.awaiting_view.items() if awaited.due <= now
        ]
        chosen = [order_id for _, order_id in heapq.nsmallest(MAX_ORDERS_PER_FIND, due)]
        for order_id in chosen:
            awaited = self.awaiting_view[order_id]
            awaited.due = MonotonicSeconds(now + awaited.interval)
            awaited.interval = min(MAX_FIND_INTERVAL_SECONDS, 2 * awaited.interval)
        return chosen

    def end_overdue(self) -> None:
        """End the streams whose order no view has shown in time."""
        now = self._clock()
        while self._deadlines and self._deadlines[stream := next(iter(self._deadlines))] <= now:
            del self._deadlines[stream]
            if not stream.is_found:
                stream.queue.close()

    def mark_dirty(self, restaurants: Iterable[str]) -> None:
        """Sync these restaurants in the next step; those without a client are ignored."""
        followed = self.by_restaurant.keys() & set(restaurants)
        if followed:
            self._dirty |= followed
            self.has_work.set()

    def pop_dirty(self) -> dict[str, RestaurantSubscribers]:
        """Return the restaurants that have to be synced, and consider them synced."""
        dirty, self._dirty = self._dirty & self.by_restaurant.keys(), set()
        return {restaurant_id: self.by_restaurant[restaurant_id] for restaurant_id in dirty}

    def close(self) -> None:
        """End all streams, and those that are added from now on."""
        self._is_closed = True
        for awaited in self.awaiting_view.values():
            for stream in awaited.streams:
                stream.queue.close()
        for subscribers in self.by_restaurant.values():
            subscribers.close()

    def _await_view(self, stream: OrderStream) -> None:
        awaited = self.awaiting_view.setdefault(stream.order_id, AwaitedOrder(set(), self._clock()))
        awaited.streams.add(stream)
        self.has_work.set()

    def _stop_awaiting(self, stream: OrderStream) -> None:
        awaited = self.awaiting_view[stream.order_id]
        awaited.streams.discard(stream)
        if not awaited.streams:
            del self.awaiting_view[stream.order_id]

    def _attach(self, stream: OrderStream, restaurant_id: str) -> None:
        stream.restaurant_id = restaurant_id
        self._subscribers(restaurant_id).add_order_stream(stream)
        self.mark_dirty([restaurant_id])

    def _subscribers(self, restaurant_id: str) -> RestaurantSubscribers:
        return self.by_restaurant.setdefault(restaurant_id, RestaurantSubscribers())

    def _drop_if_unused(self, restaurant_id: str) -> None:
        if self.by_restaurant[restaurant_id].is_unused:
            del self.by_restaurant[restaurant_id]
