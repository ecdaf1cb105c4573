"""The hub, one per process: keeps every order and board that its clients follow up to date.

Published messages say which restaurants may have changed. A sync step then reads all of them together in two round
trips and puts what is new into the clients' queues; it never waits for a client. If a message is lost, the heartbeat
finds the change within a second.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterator

from ingress.http.problems import Problem, Unavailable
from ingress.live.board import Board
from ingress.live.board_stream import BoardStream
from ingress.live.feed_sync import FeedSync, Restaurants
from ingress.live.limits import FollowerLimits
from ingress.live.order_stream import OrderStream
from ingress.live.ports import Feeds
from ingress.live.restaurant_subscribers import BoardState
from ingress.live.subscriptions import Subscriptions
from ingress.views.change_tracker import ChangeTracker
from schemas.runtime import backoff
from schemas.timestamps import EpochMs, wall_clock

log = logging.getLogger(__name__)

#: Between two sync steps, in seconds: changes within it are read together.
MIN_SYNC_INTERVAL_SECONDS = 0.02
#: Between two heartbeats, in seconds: each compares all sequences, and sends each board's age.
HEARTBEAT_INTERVAL_SECONDS = 1.0
#: Between two reads of orders that no view shows yet, in seconds; subscriptions.py says which of them are due.
FIND_INTERVAL_SECONDS = 0.25
#: Bounds of the wait before the next attempt at Redis, in seconds.
MIN_RETRY_SECONDS, MAX_RETRY_SECONDS = 0.2, 0.6


class Hub:
    """Publishes changes to the streams of this process."""

    def __init__(
        self,
        feeds: Feeds,
        tracker: ChangeTracker,
        limits: FollowerLimits,
        clock: Callable[[], EpochMs] = wall_clock,
    ) -> None:
        #: The open streams.
        self.subscriptions = Subscriptions()
        self.now = clock
        self._feeds = feeds
        self._tracker = tracker
        self._limits = limits
        self._sync = FeedSync(feeds, tracker, clock)
        self._searched_at = 0.0  # when orders that no view shows yet were last read, monotonic seconds

    @contextlib.contextmanager
    def follow_order(
        self, order_id: str, restaurant_id: str | None, after: int, holder: str | None = None
    ) -> Iterator[OrderStream]:
        """Stream an order's statuses after a version, for the block.

        `restaurant_id` None: no view shows the order yet. `holder`: as in `OrderStream`. Raises Problem (429) past a
        limit.
        """
        stream = OrderStream(order_id, restaurant_id, after, holder)
        with self._limits.reserve_slot("sse", order_id), self.subscriptions.open_order_stream(stream):
            yield stream

    @contextlib.contextmanager
    def follow_restaurant(self, restaurant_id: str, after: str | None) -> Iterator[BoardStream]:
        """Stream a restaurant's board for the block: from a sequence, if the feed still has it, else a snapshot.

        Raises Problem (429) past a limit.
        """
        stream = BoardStream(restaurant_id, after)
        with self._limits.reserve_slot("feed", restaurant_id), self.subscriptions.open_board_stream(stream):
            yield stream

    async def read_board(self, restaurant_id: str) -> Board:
        """Return the board that clients share, if it is current or the views are away; else read it.

        Raises Problem: 404 if complete views do not show the restaurant, and Unavailable.
        """
        subscribers = self.subscriptions.by_restaurant.get(restaurant_id)
        if (
            subscribers is not None
            and subscribers.board is not None
            and (subscribers.state is BoardState.CURRENT or not self._tracker.is_available)
        ):
            return subscribers.board
        board = Board(restaurant_id, await self._feeds.board(restaurant_id))
        if board.menu is None:
            raise Problem("unknown-restaurant") if self._tracker.is_available else Unavailable()
        return board

    def close(self) -> None:
        """End all streams; those that are opened from now on end at once."""
        self.subscriptions.close()

    async def run(self) -> None:
        """Keep streams up to date until cancelled."""
        await asyncio.gather(self._listen(), self._heartbeat_loop(), self._sync_loop())

    async def _listen(self) -> None:
        while True:
            try:
                async for restaurants in self._feeds.changed_restaurants():
                    self.subscriptions.mark_dirty(
                        self.subscriptions.by_restaurant if restaurants is None else restaurants
                    )
            except Exception:  # what others send on the channel may be anything
                log.exception("message of changed restaurants cannot be read")
            await asyncio.sleep(_retry_delay())

    async def _heartbeat_loop(self) -> None:
        last_heartbeat_at = time.monotonic()
        while True:
            await asyncio.sleep(FIND_INTERVAL_SECONDS)
            self.subscriptions.end_overdue()
            if self.subscriptions.awaiting_view:
                self.subscriptions.has_work.set()
            if time.monotonic() >= last_heartbeat_at + HEARTBEAT_INTERVAL_SECONDS:
                last_heartbeat_at = time.monotonic()
                try:
                    await self.heartbeat()
                except Unavailable:
                    pass  # the boards say that they are degraded
                except Exception:
                    log.exception("heartbeat of feeds failed")

    async def _sync_loop(self) -> None:
        while True:
            await self.subscriptions.has_work.wait()
            self.subscriptions.has_work.clear()
            try:
                await self.sync_dirty()
            except Exception as error:
                if not isinstance(error, Unavailable):
                    log.exception("sync of feeds failed, retrying")
                self.subscriptions.has_work.set()
                await asyncio.sleep(_retry_delay())
            else:
                await asyncio.sleep(MIN_SYNC_INTERVAL_SECONDS)

    async def heartbeat(self) -> None:
        """Mark restaurants whose message was lost as changed, and send every board's age. Raises Unavailable."""
        restaurants = self.subscriptions.by_restaurant
        try:
            self.subscriptions.mark_dirty(await self._sync.find_changed(restaurants))
        finally:
            now = self.now()
            for subscribers in restaurants.values():
                subscribers.heartbeat(now)

    async def sync_dirty(self) -> None:
        """Publish what has changed of restaurants that may have; raises Unavailable, and then they stay marked."""
        await self._find_awaited_orders()
        dirty = self.subscriptions.pop_dirty()
        try:
            await self._sync_each_on_failure(dirty)
        except BaseException:
            self.subscriptions.mark_dirty(dirty)
            raise

    async def _sync_each_on_failure(self, restaurants: Restaurants) -> None:
        """Sync all together, or, if that fails, one by one: unreadable data of one must not stop the others."""
        if not restaurants:
            return
        try:
            await self._sync.sync(restaurants)
        except Unavailable:
            raise
        except Exception:  # Redis may hold anything
            if len(restaurants) == 1:
                log.exception("sync of restaurant %s failed", *restaurants)
                return  # the next heartbeat tries again
            for restaurant_id, subscribers in restaurants.items():
                await self._sync_each_on_failure({restaurant_id: subscribers})

    async def _find_awaited_orders(self) -> None:
        """Read the orders that no view showed yet and that are due, at most every `FIND_INTERVAL_SECONDS`."""
        now = time.monotonic()
        if not self.subscriptions.awaiting_view or now < self._searched_at + FIND_INTERVAL_SECONDS:
            return
        self._searched_at = now
        if due := self.subscriptions.pop_due_orders():
            _, orders = await self._feeds.orders(due)
            for order_id, view in orders.items():
                self.subscriptions.order_became_visible(order_id, view.order.restaurant_id)


def _retry_delay() -> float:
    return backoff.delay(
        1, first_seconds=MAX_RETRY_SECONDS, max_seconds=MAX_RETRY_SECONDS, min_seconds=MIN_RETRY_SECONDS
    )
