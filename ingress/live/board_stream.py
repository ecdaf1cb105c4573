"""One client's stream of a restaurant's board, and the messages that it carries."""

from collections.abc import Mapping

import msgspec
from msgspec import UNSET, Struct, UnsetType

from ingress.live.board import Board, BoardRow, BoardStats, Dashboard, ItemPortions
from ingress.live.ports import FeedEpoch
from ingress.live.send_queue import SendQueue
from ingress.views.ports import UNKNOWN_AS_OF
from schemas import view_keys
from schemas.timestamps import EpochMs, to_text

encode = msgspec.json.Encoder().encode


class FeedSnapshot(Struct, frozen=True, tag="snapshot"):
    """The whole board: the first message, unless the client resumes."""

    sequence: str
    dashboard: Dashboard


class FeedChange(Struct, frozen=True, tag="change"):
    """The parts of the board that have changed."""

    sequence: str
    order: BoardRow | UnsetType = UNSET
    portions: list[ItemPortions] | UnsetType = UNSET
    stats: BoardStats | UnsetType = UNSET


class FeedStatus(Struct, frozen=True, tag="status"):
    """The age of the board, about once a second."""

    as_of: str
    degraded: bool


#: The status message while there is no board: the views are unreachable, or incomplete.
NO_BOARD_STATUS = encode(FeedStatus(to_text(UNKNOWN_AS_OF), degraded=True))


class BoardStream(Struct, eq=False):
    """One client of a board."""

    restaurant_id: str
    resume_after: str | None  # the last sequence that the client has seen, as text; None: none
    needs_initial: bool = True  # a snapshot, or what it has missed, before any change
    has_seen_heartbeat: bool = False  # it has waited for its board since an earlier heartbeat
    queue: SendQueue = msgspec.field(default_factory=SendQueue)

    def resume_sequence(self, epoch: FeedEpoch) -> int | None:
        """Return the last sequence of this epoch that the client has seen; None if it has seen none."""
        seen_epoch, _, number = (self.resume_after or "").rpartition("-")
        is_comparable = (
            seen_epoch == str(epoch) and number.isascii() and number.isdigit() and len(number) < 16
        )
        return int(number) if is_comparable else None


def snapshot_message(board: Board, now: EpochMs) -> bytes:
    """Return the message that replaces all that the client has."""
    dashboard = board.dashboard(now)
    return encode(FeedSnapshot(dashboard.sequence, dashboard))


def status_message(board: Board, now: EpochMs) -> bytes:
    """Return the message that gives the board's age."""
    return encode(FeedStatus(to_text(board.as_of), board.is_degraded(now)))


def row_messages(board: Board, references: Mapping[str, int], now: EpochMs) -> list[bytes]:
    """Return a message for each order in `references` that is shown, by sequence."""
    messages = []
    for reference, sequence in sorted(references.items(), key=lambda entry: entry[1]):
        if reference.startswith(view_keys.ORDER_REFERENCE):
            row = board.row(reference.removeprefix(view_keys.ORDER_REFERENCE), now)
            if row is not None:
                messages.append(encode(FeedChange(board.sequence_text(sequence), order=row)))
    return messages
