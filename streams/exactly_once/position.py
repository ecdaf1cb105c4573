"""The position of a partition: its next input, and the latest time seen. Part of the state (rule 2)."""

from typing import NamedTuple

from schemas.timestamps import EpochMs

#: The key of the position in changelog and store. No table's key begins with a zero byte.
POSITION_KEY = b"\0position"


class Position(NamedTuple):
    """`offset` of the next input, and the `time` of the latest one, which never runs backwards."""

    offset: int = 0
    time: EpochMs = EpochMs(0)

    def encode(self) -> bytes:
        """Return the value that is stored under POSITION_KEY."""
        return b"%d %d" % self


def decode_position(raw: bytes | None) -> Position:
    """Return a stored position; None: that of an empty state."""
    if raw is None:
        return Position()
    offset, time = raw.split(b" ")
    return Position(int(offset), EpochMs(int(time)))
