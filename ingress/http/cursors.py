"""Cursors of paged listings that change between two pages: no entry is repeated and none is skipped.

Where the sort key of an entry never changes, the next page begins after the last key of the page before. Where it
may change (a price), an entry can move past that key either way. Then the cursor holds a mark of each entry that was
sent, and the next page begins with the first entry without one.
"""

import base64
import binascii
import hashlib
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec
from msgspec import Struct

from ingress.http.problems import FieldError, invalid

#: The sort key of an entry; all keys of one order have the same types.
Key = tuple[str | int, ...]

#: Most marks in a cursor; a longer listing continues after the last key alone.
MAX_MARKS = 500
#: Bytes of a mark: the chance that two of 500 entries share one is 1 in 2,000 million.
MARK_BYTES = 6

E = TypeVar("E")


class Cursor(Struct, frozen=True):
    """The key of the last entry sent, and the marks of all entries sent; without marks, all up to that key were."""

    after: Key
    marks: frozenset[bytes] = frozenset()


def page_after(
    entries: Sequence[E], key: Callable[[E], Key], cursor: Cursor | None, limit: int
) -> tuple[Sequence[E], Cursor | None]:
    """Return the page after the cursor, and the next cursor; None after the last page.

    For sorted entries whose keys never change.
    """
    start = 0 if cursor is None else bisect_right(entries, cursor.after, key=key)
    page = entries[start : start + limit]
    return page, Cursor(key(page[-1])) if start + limit < len(entries) else None


def page_of_unseen(
    entries: Sequence[E],
    key: Callable[[E], Key],
    name: Callable[[E], str],
    cursor: Cursor | None,
    limit: int,
) -> tuple[Sequence[E], Cursor | None]:
    """Return the next page of entries that were not sent before, and the next cursor; None after the last page.

    For sorted entries whose keys may change and whose names do not.
    """
    if cursor is not None and not cursor.marks:
        return page_after(entries, key, cursor, limit)
    marks = cursor.marks if cursor else frozenset()
    unseen = [entry for entry in entries if _mark(name(entry)) not in marks]
    page = unseen[:limit]
    if limit >= len(unseen):
        return page, None
    marks |= {_mark(name(entry)) for entry in page}
    return page, Cursor(key(page[-1]), marks if len(marks) <= MAX_MARKS else frozenset())


def encode_cursor(order: str, cursor: Cursor | None) -> str | None:
    """Return the cursor as clients send it back; it holds only for this order."""
    if cursor is None:
        return None
    parts = (order, cursor.after, b"".join(sorted(cursor.marks)))
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(parts)).rstrip(b"=").decode()


def decode_cursor(text: str | None, order: str, types: tuple[type, ...]) -> Cursor | None:
    """Return a cursor of this order, whose key has these types; raises Problem for any other."""
    if text is None:
        return None
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        encoded_order, after, marks = msgspec.msgpack.decode(raw, type=tuple[str, Key, bytes])
        if encoded_order != order or tuple(map(type, after)) != types:
            raise ValueError("a cursor of another order")
        return Cursor(after, _split_marks(marks))
    except (ValueError, binascii.Error, msgspec.MsgspecError):
        raise invalid(FieldError("cursor", "cursor", kind="parameter")) from None


def _split_marks(joined: bytes) -> frozenset[bytes]:
    if len(joined) % MARK_BYTES:
        raise ValueError("the marks are cut off")
    return frozenset(joined[at : at + MARK_BYTES] for at in range(0, len(joined), MARK_BYTES))


def _mark(name: str) -> bytes:
    return hashlib.blake2b(name.encode(), digest_size=MARK_BYTES).digest()
