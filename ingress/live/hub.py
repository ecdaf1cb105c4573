"""The hub: one for a process; follows the feeds of all restaurants that any of its clients follows.

Wakes tell it what may have changed; it then asks Redis, in two round trips for all restaurants
together, and hands what is new to the streams' outboxes without waiting for any client. A wake
that is lost costs a second: then it asks for the numbers of all that are followed.
"""

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from ingress.live.board import Board
from ingress.live.board_stream import BoardStream
from ingress.live.feeds import Delta, Feeds, Line
from ingress.live.followed import Followed, orders_in
from ingress.live.limits import Limits
from ingress.live.order_stream import OrderStream
from ingress.problems import Problem, Unavailable
from ingress.views import MenuView, OrderView
from ingress.watch import Watch

log = logging.getLogger(__name__)

#: Between two rounds, in seconds: what changes meanwhile goes together.
PACE_SECONDS = 0.02
#: Between two looks at the numbers of all feeds, and two words on how old the boards are, in seconds.
BEAT_SECONDS = 1.0
#: Between two looks for orders that are not shown yet, in seconds.
LOOK_SECONDS = 0.25
#: Bounds of the wait before Redis is asked again, in seconds.
RETRY_SECONDS = (0.2, 0.6)


class Hub:
    """Hands changes to the streams of this process."""

    def __init__(
        self, feeds: Feeds, watch: Watch, limits: Limits, clock: Callable[[], int] | None = None
    ) -> None:
        """Take the feeds, the watch of the views, how many may follow, and a clock in milliseconds since 1970."""
        self._feeds = feeds
        self._watch = watch
        self._limits = limits
        self._clock = clock or _now
        self._followed: dict[str, Followed] = {}
        self._unplaced: dict[str, set[OrderStream]] = {}  # streams of orders that no view shows yet
        self._looked_at = 0.0  # for those
        self._marked: set[str] = set()  # restaurants of which something may have changed
        self._line: Line | None = None  # that was current when something was last read
        self._work = asyncio.Event()
        self._closed = False

    # -- clients

    @contextlib.contextmanager
    def order(self, order_id: str, restaurant_id: str | None, after: int) -> Iterator[OrderStream]:
        """Follow an order; `restaurant_id` None: no view shows the order yet. Raises Problem."""
        with self._limits.one_more("sse", f"order:{order_id}"):
            stream = OrderStream(order_id, restaurant_id, after)
            if self._closed:
                stream.outbox.close()
            if restaurant_id is None:
                self._unplaced.setdefault(order_id, set()).add(stream)
            else:
                self._place(stream, restaurant_id)
            self._work.set()
            try:
                yield stream
            finally:
                self._leave(stream)

    @contextlib.contextmanager
    def restaurant(self, restaurant_id: str, after: str | None) -> Iterator[BoardStream]:
        """Follow a restaurant's board, from a sequence where it is still held. Raises Problem."""
        with self._limits.one_more("feed", f"restaurant:{restaurant_id}"):
            stream = BoardStream(restaurant_id, after)
            if self._closed:
                stream.outbox.close()
            followed = self._followed.setdefault(restaurant_id, Followed())
            followed.boards.add(stream)
            self._mark(restaurant_id)
            try:
                yield stream
            finally:
                followed.leave(stream)
                self._forget(restaurant_id)

    async def board(self, restaurant_id: str) -> Board:
        """Return a restaurant's board, as it is followed here or as it is read now; raises Problem."""
        one = self._followed.get(restaurant_id)
        if one is not None and one.board is not None and (one.is_whole or not self._watch.well):
            return one.board
        board = Board(restaurant_id, await self._feeds.board(restaurant_id))
        if board.menu is None:
            raise Problem("unknown-restaurant") if self._watch.well else Unavailable()
        return board

    def now(self) -> int:
        """Return the time in milliseconds since 1970."""
        return self._clock()

    def close(self) -> None:
        """End all streams; those that are opened from now on end at once."""
        self._closed = True
        for streams in self._unplaced.values():
            for stream in streams:
                stream.outbox.close()
        for one in self._followed.values():
            one.close()

    # -- work

    async def run(self) -> None:
        """Follow until cancelled."""
        await asyncio.gather(self._listen(), self._beats(), self._rounds())

    async def _listen(self) -> None:
        while True:
            try:
                async for restaurants in self._feeds.wakes():
                    self._mark(*(self._followed if restaurants is None else restaurants))
            except Exception:  # what others send on the channel may be anything
                log.exception("a wake cannot be read")
            await asyncio.sleep(random.uniform(*RETRY_SECONDS))

    async def _beats(self) -> None:
        beaten_at = time.monotonic()
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if self._unplaced:
                self._work.set()
            if time.monotonic() >= beaten_at + BEAT_SECONDS:
                beaten_at = time.monotonic()
                try:
                    await self.beat()
                except Unavailable:
                    pass  # the boards say that they are degraded
                except Exception:
                    log.exception("the feeds cannot be looked at")

    async def _rounds(self) -> None:
        while True:
            await self._work.wait()
            self._work.clear()
            try:
                await self.round()
            except Exception as error:
                if not isinstance(error, Unavailable):
                    log.exception("the feeds cannot be followed")
                self._work.set()
                await asyncio.sleep(random.uniform(*RETRY_SECONDS))
            else:
                await asyncio.sleep(PACE_SECONDS)

    async def beat(self) -> None:
        """Say on each board how old it is; mark what has changed without a wake. Raises Unavailable."""
        watermarks = self._watermarks(self._followed)  # before what they speak of
        try:
            line, numbers = await self._feeds.heads(list(self._followed))
            for restaurant_id, number in numbers.items():
                one = self._followed.get(restaurant_id)
                if one is None:
                    continue
                if (one.line, one.at) != (line, number) or (one.boards and not one.is_whole):
                    self._mark(restaurant_id)
                elif one.board is not None:
                    one.board.as_of = max(one.board.as_of, watermarks.get(restaurant_id, 0))
        finally:
            now = self._clock()
            for one in self._followed.values():
                one.beat(now)

    async def round(self) -> None:
        """Hand out all that has changed of what is marked; raises Unavailable, and then it stays marked."""
        await self._look_for_unplaced()
        marked, self._marked = self._marked & self._followed.keys(), set()
        try:
            await self._bring_each_if_not_all(
                {restaurant_id: self._followed[restaurant_id] for restaurant_id in marked}
            )
        except BaseException:
            self._marked |= marked
            raise

    async def _bring_each_if_not_all(self, followed: Mapping[str, Followed]) -> None:
        """Bring all together; where that fails, one by one, so that what is wrong with one holds up no other."""
        if not followed:
            return
        try:
            await self._bring(followed)
        except Unavailable:
            raise
        except Exception:  # what is in Redis may be anything
            if len(followed) == 1:
                log.exception("%s cannot be followed", *followed)
                return  # the next beat tries again
            for restaurant_id, one in followed.items():
                await self._bring_each_if_not_all({restaurant_id: one})

    async def _bring(self, followed: Mapping[str, Followed]) -> None:
        watermarks = self._watermarks(followed)  # before what they speak of
        line, deltas, resumed = await self._deltas(followed)
        orders_wanted: list[str] = []
        menus_wanted: list[str] = []
        loads: list[str] = []
        begun = {restaurant_id: set(one.fresh) for restaurant_id, one in followed.items()}
        for restaurant_id, one in followed.items():
            references = deltas[restaurant_id].references
            if one.line != line or references is None:
                one.is_whole = False
                orders_wanted += one.orders
                continue
            changed = orders_in(references)
            if one.boards and one.is_whole:
                orders_wanted += changed | begun[restaurant_id]
                menus_wanted += [restaurant_id] * (len(references) > len(changed))
            else:
                orders_wanted += changed & one.orders.keys() | begun[restaurant_id]
        # else the views are being filled: the boards keep what they have
        if self._watch.well and self._watch.generation == line.generation:
            loads = [
                restaurant_id for restaurant_id, one in followed.items() if one.boards and not one.is_whole
            ]
        orders = await self._read_orders(line, orders_wanted)
        menus = await self._read_menus(line, menus_wanted)
        boards = {restaurant_id: await self._load(line, restaurant_id) for restaurant_id in loads}
        # from here on nothing is waited for
        now = self._clock()
        for restaurant_id, one in followed.items():
            delta = deltas[restaurant_id]
            one.offer(orders)
            one.fresh -= begun[restaurant_id]
            one.line, one.at = line, delta.last
            if restaurant_id in boards and one.boards:
                one.load(boards[restaurant_id], resumed, now)
            elif one.board is not None:
                if one.is_whole:
                    one.change(one.board, delta, orders, menus.get(restaurant_id), now)
                    one.board.as_of = max(one.board.as_of, watermarks.get(restaurant_id, 0))
                one.welcome(one.board, resumed, now)

    async def _deltas(
        self, followed: Mapping[str, Followed]
    ) -> tuple[Line, dict[str, Delta], dict[BoardStream, Delta]]:
        """Return what has changed of each restaurant, and since what each new board's client has seen."""
        new = [stream for one in followed.values() for stream in one.boards if stream.fresh and stream.after]
        if new and self._line is None:
            self._line, _ = await self._feeds.heads([])
        line = self._line
        seen = {stream: number for stream in new if line and (number := stream.after_in(line)) is not None}
        asked = [(restaurant_id, one.at) for restaurant_id, one in followed.items()]
        asked += [(stream.restaurant_id, number) for stream, number in seen.items()]
        self._line, deltas = await self._feeds.deltas(asked)
        of_clients = dict(zip(seen, deltas[len(followed) :], strict=True))
        own = dict(zip(followed, deltas[: len(followed)], strict=True))
        return self._line, own, of_clients if self._line == line else {}

    async def _load(self, line: Line, restaurant_id: str) -> Board:
        board = Board(restaurant_id, await self._feeds.board(restaurant_id))
        if board.line != line:
            raise Unavailable()  # replaced meanwhile
        return board

    def _watermarks(self, followed: Mapping[str, Followed]) -> dict[str, int]:
        """Return until when the views of each whole board hold all, as far as is known."""
        return {
            restaurant_id: min(map(self._watch.as_of, board.menu.partitions), default=0)
            for restaurant_id, one in followed.items()
            if (board := one.board) is not None
            and board.menu
            and board.line.generation == self._watch.generation
        }

    async def _read_orders(self, line: Line, order_ids: Sequence[str]) -> Mapping[str, OrderView]:
        if not order_ids:
            return {}
        generation, orders = await self._feeds.orders(order_ids)
        if generation != line.generation:
            raise Unavailable()
        return orders

    async def _read_menus(self, line: Line, restaurants: Sequence[str]) -> Mapping[str, MenuView]:
        if not restaurants:
            return {}
        generation, menus = await self._feeds.menus(restaurants)
        if generation != line.generation:
            raise Unavailable()
        return menus

    async def _look_for_unplaced(self) -> None:
        """Follow orders that were asked for and are now shown."""
        now = time.monotonic()
        if not self._unplaced or now < self._looked_at + LOOK_SECONDS:
            return
        self._looked_at = now
        _, orders = await self._feeds.orders(list(self._unplaced))
        for order_id, view in orders.items():
            for stream in self._unplaced.pop(order_id, ()):
                self._place(stream, view.order.restaurant_id)

    # -- the book of who follows what

    def _place(self, stream: OrderStream, restaurant_id: str) -> None:
        stream.restaurant_id = restaurant_id
        followed = self._followed.setdefault(restaurant_id, Followed())
        followed.orders.setdefault(stream.order_id, set()).add(stream)
        followed.fresh.add(stream.order_id)
        self._mark(restaurant_id)

    def _leave(self, stream: OrderStream) -> None:
        waiting = self._unplaced.get(stream.order_id)
        if waiting is not None:
            waiting.discard(stream)
            if not waiting:
                del self._unplaced[stream.order_id]
        followed = self._followed.get(stream.restaurant_id or "")
        if followed is None:
            return
        streams = followed.orders.get(stream.order_id)
        if streams is not None:
            streams.discard(stream)
            if not streams:
                del followed.orders[stream.order_id]
                followed.fresh.discard(stream.order_id)
        self._forget(stream.restaurant_id or "")

    def _forget(self, restaurant_id: str) -> None:
        followed = self._followed.get(restaurant_id)
        if followed is not None and not followed.orders and not followed.boards:
            del self._followed[restaurant_id]

    def _mark(self, *restaurants: str) -> None:
        marked = self._followed.keys() & set(restaurants)
        if marked:
            self._marked |= marked
            self._work.set()


def _now() -> int:
    return time.time_ns() // 1_000_000
