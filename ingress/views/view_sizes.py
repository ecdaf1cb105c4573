"""How much memory a view needs, from above: counted exactly, it would take longer than to read the view."""

from typing import Any

import msgspec

#: Bytes of memory for a byte of JSON. Short texts and numbers need three; one character outside of the first 65,536 of
#: Unicode makes four bytes of each other in its text.
MEMORY_FACTOR = 4
#: What the cache's own structs need, in bytes.
FIXED_BYTES = 1_000

_encode = msgspec.json.Encoder().encode


def view_bytes(view: Any) -> int:
    """Return how many bytes of memory a view needs, or a few more."""
    return FIXED_BYTES + MEMORY_FACTOR * len(_encode(view))
