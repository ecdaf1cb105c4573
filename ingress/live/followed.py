"""A restaurant that clients of this process follow: their streams, and the board that all of its boards share."""

from collections.abc import Iterable, Mapping

from ingress.live import board_stream
from ingress.live.board import Board, Portions, Stats, changed_portions
from ingress.live.board_stream import BoardStream
from ingress.live.feeds import Delta, Line
from ingress.live.order_stream import OrderStream
from ingress.views import MenuView, OrderView
from schemas import views


class Followed:
    """Hands what was read to the streams; never waits."""

    def __init__(self) -> None:
        """Begin with nobody, knowing nothing."""
        self.orders: dict[str, set[OrderStream]] = {}
        self.fresh: set[str] = set()  # orders that somebody has begun to follow since they were read
        self.boards: set[BoardStream] = set()
        self.board: Board | None = None
        self.is_whole = False  # the board lacks nothing up to `at`
        self.line: Line | None = None
        self.at = -1  # up to which number of the line changes have been handed out
        self._portions: dict[str, Portions] = {}  # as clients have them
        self._stats: Stats | None = None

    def offer(self, orders: Mapping[str, OrderView]) -> None:
        """Hand orders as they were just read to who follows them."""
        for order_id in self.orders.keys() & orders.keys():
            for stream in self.orders[order_id]:
                stream.offer(orders[order_id])

    def leave(self, stream: BoardStream) -> None:
        """Let a board's client go; without any, the board is not kept."""
        self.boards.discard(stream)
        if not self.boards:
            self.board, self.is_whole = None, False

    def load(self, board: Board, resumed: Mapping[BoardStream, Delta], now: int) -> None:
        """Begin anew with a board that was read whole."""
        self.board, self.is_whole = board, True
        self._portions = {row.sku: row for row in board.portions(now)}
        self._stats = board.stats(now)
        for stream in self.boards - resumed.keys():
            stream.fresh = True
        self.welcome(board, resumed, now)

    def change(
        self,
        board: Board,
        delta: Delta,
        orders: Mapping[str, OrderView],
        menu: MenuView | None,
        now: int,
    ) -> None:
        """Change the whole board by what a feed says and what was then read, and tell its clients."""
        references = {r: n for r, n in (delta.references or {}).items() if n > board.sequence}
        for order_id in orders_in(references) & orders.keys():
            board.put(orders[order_id])
        if menu is not None:
            board.menu = menu
        board.sequence = max(board.sequence, delta.last)
        if references:
            messages = board_stream.row_changes(board, references, now)
            self._tell([*messages, *self._figures(board, now)])

    def welcome(self, board: Board, resumed: Mapping[BoardStream, Delta], now: int) -> None:
        """Send new clients what they have missed, where that is known; else a snapshot."""
        snapshot = None
        for stream in [stream for stream in self.boards if stream.fresh]:
            stream.fresh = False
            delta = resumed.get(stream)
            if self.is_whole and delta and delta.references is not None and delta.last >= board.sequence:
                missed = {r: n for r, n in delta.references.items() if n <= board.sequence}
                messages = board_stream.row_changes(board, missed, now)
                if missed:
                    figures = {"portions": list(self._portions.values()), "stats": self._stats}
                    messages.append(board_stream.change(board, board.sequence, **figures))
                messages.append(board_stream.status(board, now))
            else:
                snapshot = snapshot or board_stream.snapshot(board, now)
                messages = [snapshot]
            for message in messages:
                stream.outbox.put(message)

    def beat(self, now: int) -> None:
        """Tell boards how old they are, and what time alone has changed."""
        board = self.board
        if board is None:
            for stream in self.boards:
                stream.outbox.put(board_stream.NOTHING_KNOWN)
        else:
            board.prune(now)
            figures = self._figures(board, now) if self.is_whole else []
            self._tell([*figures, board_stream.status(board, now)])

    def close(self) -> None:
        """End all streams."""
        for streams in self.orders.values():
            for stream in streams:
                stream.outbox.close()
        for board in self.boards:
            board.outbox.close()

    def _figures(self, board: Board, now: int) -> list[bytes]:
        portions, stats = board.portions(now), board.stats(now)
        figures: dict[str, object] = {}
        if rows := changed_portions(self._portions, portions):
            figures["portions"] = rows
        if stats != self._stats:
            figures["stats"] = stats
        self._portions, self._stats = {row.sku: row for row in portions}, stats
        return [board_stream.change(board, board.sequence, **figures)] if figures else []

    def _tell(self, messages: list[bytes]) -> None:
        for stream in self.boards:
            if not stream.fresh:
                for message in messages:
                    stream.outbox.put(message)


def orders_in(references: Iterable[str]) -> set[str]:
    """Return the orders among references."""
    prefix = views.ORDER_REFERENCE
    return {reference.removeprefix(prefix) for reference in references if reference.startswith(prefix)}
