"""The shelf: what a dead-letter topic holds, read from its first record. Pure.

Dead letters and the marks that say they are done with stand in the same partition. Copies of a dead
letter, written by somebody who crashed and did it again, are one.
"""

from collections.abc import Sequence
from typing import NamedTuple

from msgspec import Struct

from egress.fact_log import Record
from schemas import dead_letters
from schemas.codec import Headers

REDRIVEN = "redriven"
DROPPED = "dropped"


class Place(NamedTuple):
    """Where a record was before it was set aside."""

    topic: str
    partition: int
    offset: int


class Entry(Struct, frozen=True):
    """One dead letter."""

    place: Place
    key: bytes | None
    value: bytes | None
    headers: Headers  # those that it had before
    reason: str
    error: str
    attempts: bytes
    set_aside_at: int  # milliseconds since 1970


class Mark(Struct, frozen=True):
    """Says that a dead letter is done with, and how."""

    place: Place
    action: str


def read(topic: str, record: Record) -> Entry | Mark | None:
    """Return what a record of the dead-letter topic of `topic` is; None: nothing that we know."""
    if dead_letters.last(record.headers, dead_letters.REASON) is not None:
        return _entry(topic, record)
    number, _, offset = (dead_letters.last(record.headers, dead_letters.DONE) or b"").partition(b"/")
    if not (number.isdigit() and offset.isdigit()):
        return None
    return Mark(Place(topic, int(number), int(offset)), _text(record.headers, dead_letters.ACTION))


class Shelf:
    """Everything that was read of dead-letter topics."""

    def __init__(self) -> None:
        """Begin empty."""
        self.entries: dict[Place, Entry] = {}
        self.done: dict[Place, str] = {}  # how each was done with

    def take(self, topic: str, record: Record) -> None:
        """Take one record of the dead-letter topic of `topic`."""
        match read(topic, record):
            case Entry() as entry:
                self.entries.setdefault(entry.place, entry)
            case Mark(place, action):
                self.done.setdefault(place, action)

    def waiting(self) -> list[Entry]:
        """Return the letters that nothing was done about, by place."""
        return [entry for place, entry in sorted(self.entries.items()) if place not in self.done]

    def earlier(self, entry: Entry) -> list[Entry]:
        """Return the waiting letters of the same key that must go before this one."""
        return [
            other
            for other in self.waiting()
            if other.key == entry.key
            and other.place[:2] == entry.place[:2]
            and other.place.offset < entry.place.offset
        ]


def mark(place: Place, action: str) -> Headers:
    """Return the headers of the mark that says this letter is done with."""
    return [
        (dead_letters.DONE, b"%d/%d" % (place.partition, place.offset)),
        (dead_letters.ACTION, action.encode()),
    ]


def put_back(entry: Entry) -> Headers:
    """Return the headers of the record when it stands in its topic again."""
    return [
        *entry.headers,
        (dead_letters.REDRIVEN, b"%d/%d" % (entry.place.partition, entry.place.offset)),
        (dead_letters.ATTEMPTS, entry.attempts),
    ]


def _entry(topic: str, record: Record) -> Entry | None:
    number = _number(record.headers, dead_letters.PARTITION)
    offset = _number(record.headers, dead_letters.OFFSET)
    if number is None or offset is None:
        return None
    return Entry(
        place=Place(topic, number, offset),
        key=record.key,
        value=record.value,
        headers=dead_letters.without(record.headers),
        reason=_text(record.headers, dead_letters.REASON),
        error=_text(record.headers, dead_letters.ERROR),
        attempts=dead_letters.last(record.headers, dead_letters.ATTEMPTS) or b"1",
        set_aside_at=record.timestamp,
    )


def _number(headers: Sequence[tuple[str, bytes]], name: str) -> int | None:
    raw = dead_letters.last(headers, name)
    return int(raw) if raw is not None and raw.isdigit() else None


def _text(headers: Sequence[tuple[str, bytes]], name: str) -> str:
    return (dead_letters.last(headers, name) or b"").decode(errors="replace")
