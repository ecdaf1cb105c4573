"""The clients of this process that follow one restaurant, and the board that its board clients share.

The states of a board are in `BoardState`; README.md has the diagram. An order stream has two: its order is in
`unsynced_orders` until a sync step has read the order for it.
"""

from collections.abc import Iterable, Mapping
from enum import Enum

from msgspec import UNSET

from ingress.live import board_stream
from ingress.live.board import Board, BoardStats, ItemPortions
from ingress.live.board_stream import BoardStream, FeedChange
from ingress.live.order_stream import OrderStream
from ingress.live.ports import Delta, FeedEpoch
from ingress.views.ports import MenuView, OrderView
from schemas import view_keys
from schemas.timestamps import EpochMs


class BoardState(Enum):
    """What this process has of a restaurant's board."""

    ABSENT = "absent"  #: No board: it has no client, or it was not loaded yet.
    CURRENT = "current"  #: The board holds every change up to `RestaurantSubscribers.sequence`.
    OUTDATED = "outdated"  #: Changes were lost, or their epoch has ended; kept until it can be loaded again.


class RestaurantSubscribers:
    """Publishes what a sync step has read to the streams of one restaurant; never waits."""

    def __init__(self) -> None:
        self.order_streams: dict[str, set[OrderStream]] = {}
        self.unsynced_orders: set[str] = set()
        self.board_streams: set[BoardStream] = set()
        self.board: Board | None = None
        self.state = BoardState.ABSENT
        #: Changes up to this sequence of this epoch have been published.
        self.epoch: FeedEpoch | None = None
        self.sequence = -1
        self._published_portions: dict[str, ItemPortions] = {}
        self._published_stats: BoardStats | None = None

    @property
    def is_unused(self) -> bool:
        """True if no client is left."""
        return not self.order_streams and not self.board_streams

    @property
    def needs_board(self) -> bool:
        """True if the board must be loaded as a whole."""
        return bool(self.board_streams) and self.state is not BoardState.CURRENT

    def add_order_stream(self, stream: OrderStream) -> None:
        """Follow an order; the next sync step reads it for the stream."""
        self.order_streams.setdefault(stream.order_id, set()).add(stream)
        self.unsynced_orders.add(stream.order_id)

    def remove_order_stream(self, stream: OrderStream) -> None:
        """Stop following an order for this client."""
        followers = self.order_streams[stream.order_id]
        followers.discard(stream)
        if not followers:
            del self.order_streams[stream.order_id]
            self.unsynced_orders.discard(stream.order_id)

    def remove_board_stream(self, stream: BoardStream) -> None:
        """Remove a board's client; the board is dropped with the last one."""
        self.board_streams.discard(stream)
        if not self.board_streams:
            self.board, self.state = None, BoardState.ABSENT

    def close(self) -> None:
        """End all streams."""
        for stream in self.board_streams.union(*self.order_streams.values()):
            stream.queue.close()

    def publish_orders(self, orders: Mapping[str, OrderView], is_complete: bool) -> None:
        """Publish orders that were just read, from complete views or not, to the streams that follow them."""
        for order_id in self.order_streams.keys() & orders.keys():
            for stream in self.order_streams[order_id]:
                stream.publish(orders[order_id], is_complete)

    def mark_outdated(self) -> None:
        """Record that changes of the board were lost, or that their epoch has ended."""
        if self.state is BoardState.CURRENT:
            self.state = BoardState.OUTDATED

    def load_board(self, board: Board, resumed: Mapping[BoardStream, Delta], now: EpochMs) -> None:
        """Replace the board by one that was read as a whole; every client that cannot resume gets a snapshot."""
        self.board, self.state = board, BoardState.CURRENT
        self._published_portions = {row.sku: row for row in board.portions(now)}
        self._published_stats = board.stats(now)
        for stream in self.board_streams - resumed.keys():
            stream.needs_initial = True
        self.send_initial(board, resumed, now)

    def apply_delta(
        self,
        board: Board,
        delta: Delta,
        orders: Mapping[str, OrderView],
        menu: MenuView | None,
        now: EpochMs,
    ) -> None:
        """Apply a feed's changes, with what was read for them, to the current board, and publish them."""
        references = {r: n for r, n in (delta.references or {}).items() if n > board.sequence}
        for order_id in orders_in(references) & orders.keys():
            board.put_order(orders[order_id])
        if menu is not None:
            board.menu = menu
        board.sequence = max(board.sequence, delta.last_sequence)
        if references:
            messages = board_stream.row_messages(board, references, now)
            self._broadcast([*messages, *self._figure_messages(board, now)])

    def send_initial(self, board: Board, resumed: Mapping[BoardStream, Delta], now: EpochMs) -> None:
        """Send each new client what it has missed, if `resumed` has it without a gap; else a snapshot."""
        snapshot: list[bytes] = []
        for stream in self.board_streams:
            if stream.needs_initial:
                stream.needs_initial = False
                messages = self._missed_messages(board, resumed.get(stream), now)
                if messages is None:
                    snapshot = snapshot or [board_stream.snapshot_message(board, now)]
                    messages = snapshot
                for message in messages:
                    stream.queue.put(message)

    def heartbeat(self, now: EpochMs) -> None:
        """Publish the board's age, and what time alone has changed."""
        board = self.board
        if board is None:
            for stream in self.board_streams:
                if stream.has_seen_heartbeat:  # else it has just come, and its board is being loaded
                    stream.queue.put(board_stream.NO_BOARD_STATUS)
                stream.has_seen_heartbeat = True
        else:
            board.prune(now)
            figures = self._figure_messages(board, now) if self.state is BoardState.CURRENT else []
            self._broadcast([*figures, board_stream.status_message(board, now)])

    def _missed_messages(self, board: Board, delta: Delta | None, now: EpochMs) -> list[bytes] | None:
        """Return what a resuming client has missed; None if that is not known without a gap."""
        if self.state is not BoardState.CURRENT or delta is None or delta.references is None:
            return None
        if delta.last_sequence < board.sequence:
            return None
        missed = {r: n for r, n in delta.references.items() if n <= board.sequence}
        messages = board_stream.row_messages(board, missed, now)
        if missed:
            sequence, portions = board.sequence_text(board.sequence), [*self._published_portions.values()]
            figures = FeedChange(sequence, portions=portions, stats=self._published_stats or UNSET)
            messages.append(board_stream.encode(figures))
        return [*messages, board_stream.status_message(board, now)]

    def _figure_messages(self, board: Board, now: EpochMs) -> list[bytes]:
        """Return a message of the portions and figures that differ from those that were published, if any do."""
        portions, stats = board.portions(now), board.stats(now)
        changed = [row for row in portions if self._published_portions.get(row.sku) != row]
        change = FeedChange(
            board.sequence_text(board.sequence),
            portions=changed or UNSET,
            stats=UNSET if stats == self._published_stats else stats,
        )
        self._published_portions, self._published_stats = {row.sku: row for row in portions}, stats
        return [] if change.portions is UNSET and change.stats is UNSET else [board_stream.encode(change)]

    def _broadcast(self, messages: list[bytes]) -> None:
        for stream in self.board_streams:
            if not stream.needs_initial:
                for message in messages:
                    stream.queue.put(message)


def orders_in(references: Iterable[str]) -> set[str]:
    """Return the ids of the orders among a feed's references."""
    prefix = view_keys.ORDER_REFERENCE
    return {reference.removeprefix(prefix) for reference in references if reference.startswith(prefix)}
