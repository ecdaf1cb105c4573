"""Which client follows which order or board, and which restaurants have to be synced for them."""

import asyncio
import contextlib
from collections.abc import Iterable, Iterator

from ingress.live.board_stream import BoardStream
from ingress.live.order_stream import OrderStream
from ingress.live.restaurant_subscribers import RestaurantSubscribers, remove_stream


class Subscriptions:
    """The open streams of this process, by restaurant."""

    def __init__(self) -> None:
        self.by_restaurant: dict[str, RestaurantSubscribers] = {}
        #: Streams of orders that no view shows yet, by order: their restaurant is not known.
        self.awaiting_view: dict[str, set[OrderStream]] = {}
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
            self.awaiting_view.setdefault(stream.order_id, set()).add(stream)
            self.has_work.set()
        else:
            self._attach(stream, stream.restaurant_id)
        try:
            yield stream
        finally:
            stream.queue.drop()
            if stream.restaurant_id is None:
                remove_stream(self.awaiting_view, stream)
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
        for stream in self.awaiting_view.pop(order_id, ()):
            self._attach(stream, restaurant_id)

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
        for stream in set().union(*self.awaiting_view.values()):
            stream.queue.close()
        for subscribers in self.by_restaurant.values():
            subscribers.close()

    def _attach(self, stream: OrderStream, restaurant_id: str) -> None:
        stream.restaurant_id = restaurant_id
        self._subscribers(restaurant_id).add_order_stream(stream)
        self.mark_dirty([restaurant_id])

    def _subscribers(self, restaurant_id: str) -> RestaurantSubscribers:
        return self.by_restaurant.setdefault(restaurant_id, RestaurantSubscribers())

    def _drop_if_unused(self, restaurant_id: str) -> None:
        if self.by_restaurant[restaurant_id].is_unused:
            del self.by_restaurant[restaurant_id]
