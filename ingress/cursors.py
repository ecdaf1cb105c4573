"""Cursors: where the next page begins, so that what changes between two pages neither repeats nor hides anything.

By a key that never changes, a page begins behind the last one that was seen. By one that does (a
price), an entry may move past that point either way; so the cursor knows which entries were seen,
and the next page begins with the first that was not.
"""

import base64
import binascii
import hashlib
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec
from msgspec import Struct

from ingress.problems import Fault, invalid

#: Where an entry stands in its order; of the same types throughout one order.
Key = tuple[str | int, ...]

#: Entries that a cursor remembers; a listing longer than that goes on behind the last key alone.
MOST_SEEN = 500
#: Bytes by which it remembers each: that two of 500 share them is as likely as 1 in 2 thousand million.
MARK_BYTES = 6

E = TypeVar("E")


class Cursor(Struct, frozen=True):
    """The key of the last entry seen, and the marks of all that were; no marks: all up to that key."""

    after: Key
    seen: frozenset[bytes] = frozenset()


def cut(
    entries: Sequence[E], key: Callable[[E], Key], cursor: Cursor | None, limit: int
) -> tuple[Sequence[E], Cursor | None]:
    """Return the page of sorted entries behind the cursor, and the cursor to go on from; None: that was all.

    For keys that never change.
    """
    start = 0 if cursor is None else bisect_right(entries, cursor.after, key=key)
    page = entries[start : start + limit]
    return page, Cursor(key(page[-1])) if start + limit < len(entries) else None


def cut_unseen(
    entries: Sequence[E],
    key: Callable[[E], Key],
    name: Callable[[E], str],
    cursor: Cursor | None,
    limit: int,
) -> tuple[Sequence[E], Cursor | None]:
    """Return the page of sorted entries that were not seen; for keys that change, and names that do not."""
    if cursor is not None and not cursor.seen:
        return cut(entries, key, cursor, limit)
    seen = cursor.seen if cursor else frozenset()
    unseen = [entry for entry in entries if _mark(name(entry)) not in seen]
    page = unseen[:limit]
    if limit >= len(unseen):
        return page, None
    seen |= {_mark(name(entry)) for entry in page}
    return page, Cursor(key(page[-1]), seen if len(seen) <= MOST_SEEN else frozenset())


def write(order: str, cursor: Cursor | None) -> str | None:
    """Return the cursor as clients see it, bound to its order."""
    if cursor is None:
        return None
    parts = (order, cursor.after, b"".join(sorted(cursor.seen)))
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(parts)).rstrip(b"=").decode()


def read(given: str | None, order: str, types: tuple[type, ...]) -> Cursor | None:
    """Return a cursor of this order; raises Problem."""
    if given is None:
        return None
    try:
        raw = base64.b64decode(given + "=" * (-len(given) % 4), altchars=b"-_", validate=True)
        order_given, after, marks = msgspec.msgpack.decode(raw, type=tuple[str, Key, bytes])
        if order_given != order or tuple(map(type, after)) != types:
            raise ValueError("of another order")
        return Cursor(after, _marks(marks))
    except (ValueError, binascii.Error, msgspec.MsgspecError):
        raise invalid(Fault("cursor", "cursor", where="parameter")) from None


def _marks(joined: bytes) -> frozenset[bytes]:
    if len(joined) % MARK_BYTES:
        raise ValueError("no marks")
    return frozenset(joined[at : at + MARK_BYTES] for at in range(0, len(joined), MARK_BYTES))


def _mark(name: str) -> bytes:
    return hashlib.blake2b(name.encode(), digest_size=MARK_BYTES).digest()
