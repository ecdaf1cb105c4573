"""The position: which input comes next, and how late it is. Part of the state (rule 2)."""

from typing import NamedTuple

#: The key of the position in changelog and store. No table's key begins with a zero byte.
POSITION_KEY = b"\0position"


class Position(NamedTuple):
    """`offset` of the next input; `time`, in milliseconds since 1970, never runs backwards."""

    offset: int = 0
    time: int = 0

    def encode(self) -> bytes:
        """Return the value under POSITION_KEY."""
        return b"%d %d" % self


def decode_position(raw: bytes | None) -> Position:
    """Read a stored position; an empty state begins at 0."""
    if raw is None:
        return Position()
    offset, time = raw.split(b" ")
    return Position(int(offset), int(time))
