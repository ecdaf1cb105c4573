"""One client's stream of a restaurant's board: a snapshot, then changes; or, resumed, changes only."""

from collections.abc import Mapping
from typing import Any

import msgspec

from ingress.live.board import Board
from ingress.live.feeds import Line
from ingress.live.outbox import Outbox
from schemas import views
from schemas.instants import to_text

encode = msgspec.json.Encoder().encode

#: What a client is told while there is no board yet: the views cannot be read, or are being filled.
NOTHING_KNOWN = encode({"type": "status", "as_of": to_text(0), "degraded": True})


class BoardStream:
    """Puts what a board's client needs into an outbox."""

    __slots__ = ("after", "fresh", "outbox", "restaurant_id")

    def __init__(self, restaurant_id: str, after: str | None) -> None:
        """Take which restaurant, and the sequence that the client has seen."""
        self.restaurant_id = restaurant_id
        self.after = after
        #: Nothing has been sent yet.
        self.fresh = True
        self.outbox = Outbox()

    def after_in(self, line: Line) -> int | None:
        """Return the number that the client has seen in this line; None where it has seen none."""
        seen, _, number = (self.after or "").rpartition("-")
        known = seen == str(line) and number.isdigit() and len(number) < 16
        return int(number) if known else None


def snapshot(board: Board, now: int) -> bytes:
    """Return the message that replaces whatever the client has."""
    dashboard = board.dashboard(now)
    return encode({"type": "snapshot", "sequence": dashboard.sequence, "dashboard": dashboard})


def status(board: Board, now: int) -> bytes:
    """Return the message that says how old the board is."""
    return encode({"type": "status", "as_of": to_text(board.as_of), "degraded": board.is_degraded(now)})


def change(board: Board, number: int, **changed: Any) -> bytes:
    """Return the message of one numbered change."""
    return encode({"type": "change", "sequence": board.sequence_text(number), **changed})


def row_changes(board: Board, references: Mapping[str, int], now: int) -> list[bytes]:
    """Return a message for each row that is referred to, in the order of their numbers."""
    messages = []
    for reference, number in sorted(references.items(), key=lambda entry: entry[1]):
        if reference.startswith(views.ORDER_REFERENCE):
            row = board.row(reference.removeprefix(views.ORDER_REFERENCE), now)
            if row is not None:
                messages.append(change(board, number, order=row))
    return messages
