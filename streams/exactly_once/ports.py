"""What the layer needs of the world: a transactional log and a local store, both of one partition.

Both come in two makes, real (`kafka_log`, `rocksdb_store`) and in memory (tests), that pass the
same contract tests. Any method may raise; what may be believed afterwards is said here.
"""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

Headers = Sequence[tuple[str, bytes]]
#: Writes to the state: None deletes. Keys are those of the changelog and of the store.
Changes = Mapping[bytes, bytes | None]


class Message(NamedTuple):
    """One input record. `timestamp` is in milliseconds since 1970, by the broker's clock."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers


class Output(NamedTuple):
    """One record to write in the transaction."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: Headers


class FencedError(Exception):
    """Another process has taken the partition over: nothing that this one does counts any more."""


class TransactionalLog(Protocol):
    """The log as the writer of one partition sees it."""

    async def fence(self) -> None:
        """Shut every earlier writer of the partition out, and end its open transaction.

        After any error of `begin`, `produce` or `commit` this must come first.
        """

    async def begin(self) -> None:
        """Open a transaction."""

    async def produce(self, outputs: Sequence[Output], changes: Changes) -> int:
        """Write outputs and changelog; every record is acknowledged when this returns.

        Returns the offset in the changelog from which a later `replay` goes on, valid once the
        transaction is committed.
        """

    async def commit(self) -> None:
        """Commit. When this raises, it is in doubt whether the commit happened; FencedError: it did not."""

    def replay(self, offset: int) -> AsyncIterator[tuple[Changes, int]]:
        """Read what is committed in the changelog, from `offset` to its end at the time of the call.

        Yields changes and the offset to go on from, in order. An offset past the end raises
        LogTruncatedError.
        """

    async def first_input(self, offset: int) -> int | None:
        """Return the offset of the first input at or after `offset`; None where there is none yet."""

    async def close(self) -> None:
        """Let go of every connection; never raises."""


class LogTruncatedError(Exception):
    """The changelog ends before the offset that was asked for: the store is of another log."""


class LocalStore(Protocol):
    """The state of one partition on this machine: a cache of the changelog, never the truth."""

    def open(self, log_identity: str) -> bool:
        """Open; return False where it was missing, torn or of another log, and starts empty."""

    def close(self) -> None:
        """Close; may be opened again."""

    def wipe(self) -> None:
        """Start empty."""

    @property
    def changelog_offset(self) -> int:
        """Where to go on reading the changelog; 0 when empty."""

    def get(self, key: bytes) -> bytes | None:
        """Return the value of a key."""

    def scan(self, begin: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield the entries whose keys lie in [begin, end), in the order of keys."""

    def apply(self, changes: Changes, changelog_offset: int) -> None:
        """Write the changes and the offset, all or nothing."""
