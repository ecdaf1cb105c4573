"""A broker's partition and a store in memory; they pass the same contract tests as the real ones."""

from collections.abc import AsyncIterator, Iterator, Sequence

from streams.exactly_once.clock_guard import LeapAcceptance
from streams.exactly_once.ports import (
    FencedError,
    LogIncompleteError,
    LogTruncatedError,
    Message,
    Output,
    StateChanges,
    StoreError,
    TooLargeError,
)
from streams.exactly_once.position import POSITION_KEY, Position, decode_position
from streams.exactly_once.record_size import record_size
from streams.exactly_once.topic_ids import TopicIds


class MemoryBroker:
    """One source partition in a broker: inputs, committed outputs, changelog, and the producer epoch."""

    def __init__(self, max_record_bytes: int = 1_048_588) -> None:
        self.max_record_bytes = max_record_bytes
        self.inputs: list[Message] = []
        self.outputs: list[Output] = []
        self.changelog: list[tuple[bytes, bytes | None]] = []
        self.changelog_begin = 0  # offset of the first record that is still stored
        self.epoch = 0
        self.acceptances: list[LeapAcceptance] = []
        self.topic_ids = TopicIds("source-1", "changelog-1")
        self.committed_input = 0  # of the consumer group
        self.open: tuple[list[Output], dict[bytes, bytes | None]] | None = None

    def put(self, value: bytes, timestamp: int = 0) -> Message:
        """Append an input, and return it."""
        message = Message("in", 0, len(self.inputs), timestamp, b"k", value, [])
        self.inputs.append(message)
        return message

    def position(self) -> Position:
        """Return the committed position."""
        return decode_position(next((v for k, v in reversed(self.changelog) if k == POSITION_KEY), None))

    def commit(self) -> None:
        assert self.open is not None
        outputs, changes = self.open
        self.outputs.extend(outputs)
        self.changelog.extend(changes.items())
        self.open = None

    def abort(self) -> None:
        self.open = None


class MemoryLog:
    """One writer of a MemoryBroker."""

    def __init__(self, broker: MemoryBroker) -> None:
        self.broker = broker
        self._epoch = 0

    async def fence(self) -> None:
        self.broker.epoch += 1
        self.broker.abort()
        self._epoch = self.broker.epoch

    async def begin(self) -> None:
        self._check()
        self.broker.open = ([], {})

    async def produce(self, outputs: Sequence[Output], changes: StateChanges) -> int:
        self._check()
        assert self.broker.open is not None
        changelog = [Output("changelog", 0, key, value) for key, value in changes.items()]
        for record in (*outputs, *changelog):
            # a dead letter has a record of the largest size, and headers
            limit = self.broker.max_record_bytes * (2 if record.topic.endswith(("dlq", ".dlq")) else 1)
            if record_size(record.key, record.value, record.headers) > limit:
                raise TooLargeError(record.topic)
        self.broker.open[0].extend(outputs)
        self.broker.open[1].update(changes)
        return len(self.broker.changelog) + len(changes)

    async def commit(self) -> None:
        self._check()
        self.broker.commit()

    async def replay(self, offset: int) -> AsyncIterator[tuple[StateChanges, int]]:
        if offset > len(self.broker.changelog):
            raise LogTruncatedError(str(offset))
        if offset < self.broker.changelog_begin:
            raise LogIncompleteError(str(offset))
        end = len(self.broker.changelog)
        while offset < end:
            upto = min(offset + 3, end)
            yield dict(self.broker.changelog[offset:upto]), upto
            offset = upto

    async def topic_ids(self) -> TopicIds:
        return self.broker.topic_ids

    async def committed_input(self) -> int:
        return self.broker.committed_input

    async def source_bounds(self) -> tuple[int, int]:
        inputs = self.broker.inputs
        return (inputs[0].offset, inputs[-1].offset + 1) if inputs else (0, 0)

    async def first_input(self, offset: int) -> int | None:
        return next((m.offset for m in self.broker.inputs if m.offset >= offset), None)

    async def accepted_leap(self, offset: int) -> LeapAcceptance | None:
        return next((a for a in reversed(self.broker.acceptances) if a.covers(offset)), None)

    async def close(self) -> None: ...

    def _check(self) -> None:
        if self._epoch != self.broker.epoch:
            raise FencedError("fenced")


class MemoryStore:
    """A local store that outlives its process, like a disk."""

    def __init__(self) -> None:
        self.data: dict[bytes, bytes] = {}
        self.offset = 0
        self.identity: str | None = None
        self.failures = 0  # reads that fail from now on
        self._opened: str | None = None

    def open(self, log_identity: str) -> bool:
        self._opened = log_identity
        if self.identity != log_identity:
            self.wipe()
            return False
        return True

    def close(self) -> None:
        self._opened = None

    def wipe(self) -> None:
        self.data = {}
        self.offset = 0
        self.identity = None

    @property
    def changelog_offset(self) -> int:
        return self.offset

    def get(self, key: bytes) -> bytes | None:
        if self.failures:
            self.failures -= 1
            raise StoreError("a block has another checksum")
        return self.data.get(key)

    def scan(self, begin: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]:
        for key in sorted(k for k in self.data if begin <= k < end):
            yield key, self.data[key]

    def apply(self, changes: StateChanges, changelog_offset: int) -> None:
        assert self._opened is not None
        for key, value in changes.items():
            if value is None:
                self.data.pop(key, None)
            else:
                self.data[key] = value
        self.identity = self._opened
        self.offset = changelog_offset
