"""The ports of the processor: a transactional log and a local store, both of one partition.

Each has a real implementation (`kafka_log`, `rocksdb_store`) and one in memory (tests), which pass the same
contract tests. Any method may raise; the docstrings say what is certain afterwards.
"""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import ClassVar, NamedTuple, Protocol

from schemas.timestamps import EpochMs
from streams.exactly_once.clock_guard import LeapAcceptance
from streams.exactly_once.topic_ids import TopicIds

RecordHeaders = Sequence[tuple[str, bytes]]
#: Writes to the state, by the key in changelog and store. None deletes.
StateChanges = Mapping[bytes, bytes | None]


class Message(NamedTuple):
    """One input record; `timestamp` is the broker's append time."""

    topic: str
    partition: int
    offset: int
    timestamp: EpochMs
    key: bytes | None
    value: bytes | None
    headers: RecordHeaders


class Output(NamedTuple):
    """One record to write in the transaction."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: RecordHeaders = ()


class FencedError(Exception):
    """Another process has taken the partition over: nothing that this one writes counts any more."""


class StoreError(Exception):
    """The local store failed. That is not the message's fault: the store is wiped, and rebuilt from the changelog."""


class TooLargeError(Exception):
    """A record, or the batch that it is in, is larger than its topic takes. The transaction must be fenced."""


class StopError(Exception):
    """This release cannot decide the message, and that is not the message's fault: the partition stops for `reason`.

    It tries the same message again and again; a worker of the right release that takes the partition over decides it.
    """

    reason: ClassVar[str]


class TransactionalLog(Protocol):
    """The log as the writer of one partition sees it."""

    async def fence(self) -> None:
        """Shut out every earlier writer of the partition, and abort its open transaction.

        After any error of `begin`, `produce` or `commit` this must be called first.
        """

    async def begin(self) -> None:
        """Open a transaction."""

    async def produce(self, outputs: Sequence[Output], changes: StateChanges) -> int:
        """Write outputs and changelog; return when every record is acknowledged.

        Returns the changelog offset from which a later `replay` continues, once the transaction is committed.
        Raises TooLargeError if the broker refuses a record or a batch of them for its size.
        """

    async def commit(self) -> None:
        """Commit. If this raises, the commit may have happened, or not; if it raises FencedError, it has not."""

    def replay(self, offset: int) -> AsyncIterator[tuple[StateChanges, int]]:
        """Read the committed changelog from `offset` to its end at the time of the call.

        Yields changes, and the offset to continue from, in order. Raises LogTruncatedError for an offset
        past the end, LogIncompleteError for one before the beginning.
        """

    async def topic_ids(self) -> TopicIds:
        """Return the ids that source and changelog have now."""

    async def committed_input(self) -> int:
        """Return the next input by the group's committed offset, which may be seconds old; 0 if there is none."""

    async def source_bounds(self) -> tuple[int, int]:
        """Return the offsets of the first input that is stored, and of the next one to come."""

    async def first_input(self, offset: int) -> int | None:
        """Return the offset of the first input at or after `offset`; None if there is none yet."""

    async def accepted_leap(self, offset: int) -> LeapAcceptance | None:
        """Return an operator's latest acceptance of a leap of time that covers this input; None if there is none."""

    async def close(self) -> None:
        """Close every connection; never raises."""


class LogTruncatedError(Exception):
    """The changelog ends before the requested offset: the store belongs to another log."""


class LogIncompleteError(Exception):
    """Records of the changelog were deleted that no compaction deletes: the state cannot be known."""


class LocalStore(Protocol):
    """The state of one partition on this machine: a cache of the changelog, never the source of truth.

    `get`, `scan` and `apply` raise StoreError.
    """

    def open(self, log_identity: str) -> bool:
        """Open; return False if it was missing, damaged or of another log, and now starts empty."""

    def close(self) -> None:
        """Close; may be opened again."""

    def wipe(self) -> None:
        """Start empty."""

    @property
    def changelog_offset(self) -> int:
        """The offset from which to continue reading the changelog; 0 if empty."""

    def get(self, key: bytes) -> bytes | None:
        """Return the value of a key."""

    def scan(self, begin: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield the entries whose keys lie in [begin, end), in the order of keys."""

    def apply(self, changes: StateChanges, changelog_offset: int) -> None:
        """Write the changes and the offset atomically."""
