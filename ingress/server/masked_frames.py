"""WebSocket frames of clients must be masked (RFC 6455, section 5.1); aiohttp's reader takes others too."""

from typing import Protocol

#: A frame whose reserved bits are set: the reader closes the connection with code 1002, protocol error.
INVALID_FRAME = b"\xf0\x80"
_MASKED = 0x80
_MASK_BYTES = 4


class FrameReader(Protocol):
    """aiohttp's reader of frames."""

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Read frames; return True if the connection must be closed, and what was not read."""

    def feed_eof(self) -> None:
        """Record that no more frames come."""


class MaskedFrames:
    """Passes frames on to a reader, and an invalid frame in place of the first one that is not masked."""

    def __init__(self, reader: FrameReader) -> None:
        self._reader = reader
        self._head = b""  # of a frame, until its length is known
        self._rest = 0  # bytes of its mask and payload that are still to come

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Read frames, in any pieces; return what the reader returns."""
        begin = self._find_unmasked(data)
        if begin is None:
            return self._reader.feed_data(data)
        self._reader.feed_data(data[:begin])
        return self._reader.feed_data(INVALID_FRAME)

    def feed_eof(self) -> None:
        """Record that no more frames come."""
        self._reader.feed_eof()

    def _find_unmasked(self, data: bytes) -> int | None:
        """Return where the first frame begins that is not masked; None if all are."""
        at = 0
        while at < len(data):
            if self._rest:
                step = min(self._rest, len(data) - at)
                self._rest -= step
                at += step
                continue
            begin = at - len(self._head)
            missing = _head_size(self._head) - len(self._head)
            self._head += data[at : at + missing]
            at += missing
            if len(self._head) >= 2 and not self._head[1] & _MASKED:
                return max(0, begin)
            if len(self._head) >= 2 and len(self._head) == _head_size(self._head):
                self._rest = _MASK_BYTES + _payload_size(self._head)
                self._head = b""
        return None


def _head_size(head: bytes) -> int:
    """Return how many bytes of a frame come before its mask, as far as its first ones say."""
    if len(head) < 2:
        return 2
    return {126: 4, 127: 10}.get(head[1] & ~_MASKED, 2)


def _payload_size(head: bytes) -> int:
    return int.from_bytes(head[2:]) if len(head) > 2 else head[1] & ~_MASKED
