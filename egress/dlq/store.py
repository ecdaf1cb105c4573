"""The dead letters of a topic and their resolutions, folded from its dead-letter topic. Pure.

A dead letter and its resolution are in the same partition. A writer that crashes and retries may write
the same dead letter twice; copies have the same source offset and count as one.
"""

from typing import NamedTuple

from msgspec import Struct

from egress.kafka.records import Record
from schemas import dead_letters
from schemas.codec import Headers
from schemas.timestamps import EpochMs
from schemas.topics import DEAD_LETTER_TOPICS

REDRIVEN = "redriven"
DROPPED = "dropped"

#: Source topic of each dead-letter topic.
SOURCE_TOPICS = {dead.name: source for source, dead in DEAD_LETTER_TOPICS.items()}


class SourceOffset(NamedTuple):
    """Topic, partition and offset that a record had when it became a dead letter."""

    topic: str
    partition: int
    offset: int

    @property
    def mark(self) -> bytes:
        """Partition and offset, as headers name a dead letter."""
        return b"%d/%d" % (self.partition, self.offset)


class DeadLetterEntry(Struct, frozen=True):
    """One dead letter: the original record, and why it was not processed."""

    source: SourceOffset
    key: bytes | None
    value: bytes | None
    headers: Headers  # of the original record, without the dlq-* headers
    reason: str
    error: str
    attempts: bytes
    recorded_at: EpochMs


class Resolution(Struct, frozen=True):
    """States that a dead letter was redriven or dropped."""

    source: SourceOffset
    action: str
    note: str = ""  # why, in a person's words


def decode(record: Record) -> DeadLetterEntry | Resolution | None:
    """Return the content of a record of a dead-letter topic; None if the format is unknown."""
    headers = dict(record.headers)  # the last of a name, which is ours
    reason = headers.get(dead_letters.REASON)
    if reason is not None:
        number, offset = headers.get(dead_letters.PARTITION, b""), headers.get(dead_letters.OFFSET, b"")
    else:
        number, _, offset = headers.get(dead_letters.RESOLVED, b"").partition(b"/")
    if not (number.isdigit() and offset.isdigit()):
        return None
    source = SourceOffset(SOURCE_TOPICS[record.partition.topic], int(number), int(offset))
    if reason is None:
        action, note = headers.get(dead_letters.ACTION, b""), headers.get(dead_letters.NOTE, b"")
        return Resolution(source, action.decode(errors="replace"), note.decode(errors="replace"))
    return DeadLetterEntry(
        source,
        record.key,
        record.value,
        dead_letters.original_headers(record.headers),
        reason.decode(errors="replace"),
        headers.get(dead_letters.ERROR, b"").decode(errors="replace"),
        headers.get(dead_letters.ATTEMPTS) or b"1",
        record.timestamp,
    )


class DeadLetterStore:
    """The dead letters of one or several topics, by source offset."""

    def __init__(self) -> None:
        self.entries: dict[SourceOffset, DeadLetterEntry] = {}
        self.resolved: dict[SourceOffset, str] = {}  # to REDRIVEN or DROPPED
        self.notes: dict[SourceOffset, str] = {}

    def apply(self, record: Record) -> None:
        """Apply one record of a dead-letter topic."""
        match decode(record):
            case DeadLetterEntry() as entry:
                self.entries.setdefault(entry.source, entry)
            case Resolution(source, action, note) if source not in self.resolved:
                self.resolved[source] = action
                self.notes[source] = note

    def waiting(self) -> list[DeadLetterEntry]:
        """Return the unresolved dead letters, sorted by source offset."""
        return [entry for source, entry in sorted(self.entries.items()) if source not in self.resolved]

    def earlier_with_same_key(self, entry: DeadLetterEntry) -> list[DeadLetterEntry]:
        """Return the waiting dead letters of the same partition and key with a lower source offset."""
        return [
            other
            for other in self.waiting()
            if other.key == entry.key
            and other.source[:2] == entry.source[:2]
            and other.source.offset < entry.source.offset
        ]
