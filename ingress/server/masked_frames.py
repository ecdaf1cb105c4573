"""WebSocket frames of clients must be masked (RFC 6455, section 5.1); aiohttp's reader takes others too."""

#: A frame whose reserved bits are set: aiohttp closes the connection with code 1002, protocol error.
INVALID_FRAME = b"\xf0\x80"
_MASKED = 0x80
_MASK_BYTES = 4
#: Bytes of a longer length, by the short length that announces it.
_LENGTH_BYTES = {126: 2, 127: 8}


class MaskedFrames:
    """Passes the frames of a client on, and an invalid frame in place of the first one that is not masked."""

    def __init__(self) -> None:
        self._head = b""  # of a frame whose length is not known yet
        self._rest = 0  # bytes of a frame that are still to come

    def reject_unmasked(self, data: bytes) -> bytes:
        """Return what may be read of these bytes, and of those that were kept before."""
        data, self._head = self._head + data, b""
        at = 0
        while at < len(data):
            if not self._rest:
                if len(data) - at >= 2 and not data[at + 1] & _MASKED:
                    return data[:at] + INVALID_FRAME
                self._rest = _frame_size(data[at : at + 10])
                if not self._rest:
                    self._head = data[at:]
                    return data[:at]
            step = min(self._rest, len(data) - at)
            self._rest -= step
            at += step
        return data


def _frame_size(begin: bytes) -> int:
    """Return the size of the masked frame that begins so; 0 if more of it is needed to know."""
    if len(begin) < 2:
        return 0
    length = begin[1] & ~_MASKED
    more = _LENGTH_BYTES.get(length, 0)
    if len(begin) < 2 + more:
        return 0
    return 2 + more + _MASK_BYTES + (int.from_bytes(begin[2 : 2 + more]) if more else length)
