"""One sync step: read what changed of some restaurants, and publish it to their clients.

For all of these restaurants together, a step

1. reads each feed since the sequence that was published last, and since the one where a client resumes;
2. decides what else must be read: changed orders and menus, and whole boards where changes were lost;
3. reads it;
4. publishes it without awaiting, so that all clients of a restaurant see the same step.

A step that fails publishes nothing, and is repeated.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

from msgspec import Struct

from ingress.http.problems import Unavailable
from ingress.live.board import Board
from ingress.live.board_stream import BoardStream
from ingress.live.ports import Delta, FeedEpoch, Feeds
from ingress.live.restaurant_subscribers import BoardState, RestaurantSubscribers, orders_in
from ingress.views.change_tracker import ChangeTracker
from ingress.views.ports import UNKNOWN_AS_OF
from schemas.timestamps import EpochMs

V = TypeVar("V")

Restaurants = Mapping[str, RestaurantSubscribers]


class _Deltas(Struct):
    """What changed since a restaurant was published, and since a resuming client was connected."""

    epoch: FeedEpoch
    by_restaurant: dict[str, Delta]
    by_client: dict[BoardStream, Delta]
    is_complete: bool  # of the views at that time; otherwise they are being filled


class _Needed(Struct):
    """Ids of what a step must read besides the feeds."""

    orders: list[str]
    menus: list[str]
    boards: list[str]


class FeedSync:
    """Reads feeds and views for restaurants and publishes them."""

    def __init__(self, feeds: Feeds, tracker: ChangeTracker, clock: Callable[[], EpochMs]) -> None:
        self._feeds = feeds
        self._tracker = tracker
        self._clock = clock
        self._epoch: FeedEpoch | None = None  # of the last read

    async def find_changed(self, restaurants: Restaurants) -> list[str]:
        """Return those that have changed since they were published; the boards of the others become newer.

        Raises Unavailable.
        """
        watermarks = self._watermarks(restaurants)  # read before the sequences that they vouch for
        epoch, sequences = await self._feeds.last_sequences(list(restaurants))
        changed = []
        for restaurant_id, sequence in sequences.items():
            subscribers = restaurants.get(restaurant_id)
            if subscribers is None:  # its last client has left in the meantime
                continue
            if (subscribers.epoch, subscribers.sequence) != (epoch, sequence) or subscribers.needs_board:
                changed.append(restaurant_id)
            elif subscribers.board is not None:
                subscribers.board.advance_as_of(watermarks.get(restaurant_id, UNKNOWN_AS_OF))
        return changed

    async def sync(self, restaurants: Restaurants) -> None:
        """Publish all that has changed; raises Unavailable, and has then published nothing."""
        watermarks = self._watermarks(restaurants)  # read before the changes that they vouch for
        deltas = await self._read_deltas(restaurants)
        unsynced = {restaurant_id: set(one.unsynced_orders) for restaurant_id, one in restaurants.items()}
        needed = self._decide_reads(restaurants, deltas)
        orders = await _read_views(self._feeds.orders, needed.orders, deltas.epoch.generation)
        menus = await _read_views(self._feeds.menus, needed.menus, deltas.epoch.generation)
        boards = {
            restaurant_id: await self._read_board(deltas.epoch, restaurant_id)
            for restaurant_id in needed.boards
        }
        now = self._clock()
        for restaurant_id, subscribers in restaurants.items():
            delta = deltas.by_restaurant[restaurant_id]
            subscribers.publish_orders(orders, deltas.is_complete)
            subscribers.unsynced_orders -= unsynced[restaurant_id]
            subscribers.epoch, subscribers.sequence = deltas.epoch, delta.last_sequence
            if restaurant_id in boards and subscribers.board_streams:
                subscribers.load_board(boards[restaurant_id], deltas.by_client, now)
            elif (board := subscribers.board) is not None:
                if subscribers.state is BoardState.CURRENT:
                    subscribers.apply_delta(board, delta, orders, menus.get(restaurant_id), now)
                    board.advance_as_of(watermarks.get(restaurant_id, UNKNOWN_AS_OF))
                subscribers.send_initial(board, deltas.by_client, now)

    async def _read_deltas(self, restaurants: Restaurants) -> _Deltas:
        resuming = [
            stream
            for subscribers in restaurants.values()
            for stream in subscribers.board_streams
            if stream.needs_initial and stream.resume_after
        ]
        if resuming and self._epoch is None:
            self._epoch, _ = await self._feeds.last_sequences([])
        expected = self._epoch
        resume_from = {
            stream: sequence
            for stream in resuming
            if expected is not None and (sequence := stream.resume_sequence(expected)) is not None
        }
        since = [(restaurant_id, one.sequence) for restaurant_id, one in restaurants.items()]
        since += [(stream.restaurant_id, sequence) for stream, sequence in resume_from.items()]
        self._epoch, deltas = await self._feeds.deltas(since)
        own, clients = deltas[: len(restaurants)], deltas[len(restaurants) :]
        return _Deltas(
            self._epoch,
            dict(zip(restaurants, own, strict=True)),
            # sequences of another epoch say nothing about what a client has missed
            dict(zip(resume_from, clients, strict=True)) if self._epoch == expected else {},
            self._tracker.is_available and self._tracker.generation == self._epoch.generation,
        )

    def _decide_reads(self, restaurants: Restaurants, deltas: _Deltas) -> _Needed:
        """Return what to read; marks boards that have lost changes as outdated."""
        needed = _Needed([], [], [])
        for restaurant_id, subscribers in restaurants.items():
            references = deltas.by_restaurant[restaurant_id].references
            if subscribers.epoch != deltas.epoch or references is None:
                subscribers.mark_outdated()
                needed.orders += subscribers.order_streams
            else:
                changed = orders_in(references)
                if subscribers.state is BoardState.CURRENT:
                    needed.menus += [restaurant_id] * (len(references) > len(changed))
                else:
                    changed &= subscribers.order_streams.keys()
                needed.orders += changed | subscribers.unsynced_orders
            if deltas.is_complete and subscribers.needs_board:  # else outdated boards are kept
                needed.boards.append(restaurant_id)
        return needed

    def _watermarks(self, restaurants: Restaurants) -> dict[str, EpochMs]:
        """Return, for boards of the current generation, the instant up to which the views are complete."""
        return {
            restaurant_id: min(map(self._tracker.as_of, board.menu.partitions), default=UNKNOWN_AS_OF)
            for restaurant_id, subscribers in restaurants.items()
            if (board := subscribers.board) is not None
            and board.menu
            and board.epoch.generation == self._tracker.generation
        }

    async def _read_board(self, epoch: FeedEpoch, restaurant_id: str) -> Board:
        board = Board(restaurant_id, await self._feeds.board(restaurant_id))
        if board.epoch != epoch:
            raise Unavailable()
        return board


async def _read_views(
    read: Callable[[Sequence[str]], Awaitable[tuple[str, Mapping[str, V]]]],
    ids: Sequence[str],
    generation: str,
) -> Mapping[str, V]:
    """Return views by id; raises Unavailable if they were replaced after the feeds were read."""
    if not ids:
        return {}
    read_generation, views = await read(ids)
    if read_generation != generation:
        raise Unavailable()
    return views
