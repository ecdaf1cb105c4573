"""Staged writes: what a micro-batch would change. Only the batch itself sees them before the commit.

There are two levels. A message's writes are tentative until the message is accepted, so a message that fails
leaves none. The batch's writes reach the store after the commit (rule 2).
"""

from collections.abc import Iterator
from itertools import islice
from typing import Any, Generic, TypeVar

from streams.exactly_once.ports import LocalStore
from streams.exactly_once.record_codec import FIRST_VERSION, RecordCodec, RecordVersions, StoredRecord

R = TypeVar("R")

_ABSENT: StoredRecord[Any] = StoredRecord(None)


class StagedTable(Generic[R]):
    """One table of one partition, read by key, with staged writes.

    Reading and writing raise StopError where the stored record is one of a newer release, and StoreError.
    """

    def __init__(
        self, name: str, record: type[R], store: LocalStore, versions: RecordVersions = FIRST_VERSION
    ) -> None:
        self._prefix = name.encode() + b"\0"
        self._codec = RecordCodec(record, versions)
        self._store = store
        self._tentative: dict[str, StoredRecord[R]] = {}
        self._staged: dict[str, StoredRecord[R]] = {}
        self._decoded: dict[str, StoredRecord[R]] = {}  # records of the store that this batch has read

    def get(self, key: str, default: Any = None, /) -> Any:
        """Return the record under `key` as this message sees it."""
        record = self._find(key).record
        return default if record is None else record

    def _find(self, key: str) -> StoredRecord[R]:
        found = self._tentative.get(key) or self._staged.get(key) or self._decoded.get(key)
        if found is not None:
            return found
        raw = self._store.get(self._prefix + key.encode())
        stored = self._decoded[key] = _ABSENT if raw is None else self._codec.decode(raw)
        return stored

    def __getitem__(self, key: str, /) -> R:
        record = self.get(key)
        if record is None:
            raise KeyError(key)
        return record  # type: ignore[no-any-return]

    def __contains__(self, key: object, /) -> bool:
        return isinstance(key, str) and self.get(key) is not None

    def first_before(self, end: str, limit: int) -> list[R]:
        """Return at most `limit` records with keys before `end`, in the order of keys, as this message sees them."""
        stop = self._prefix + end.encode()
        stored = {
            raw[len(self._prefix) :].decode()
            for raw, _ in islice(self._store.scan(self._prefix, stop), limit + len(self._staged))
        }
        keys = stored | {key for level in (self._staged, self._tentative) for key in level if key < end}
        records = (self.get(key) for key in sorted(keys))
        return list(islice((record for record in records if record is not None), limit))

    def put(self, key: str, record: R | None) -> None:
        """Stage a record; None deletes. What the stored record has and this release does not know is kept."""
        kept = self._find(key).kept
        self._tentative[key] = StoredRecord(record, None if record is None else kept)

    def accept(self) -> None:
        """Keep what the message wrote."""
        if self._tentative:
            self._staged.update(self._tentative)
            self._tentative.clear()

    def reject(self) -> None:
        """Forget what the message wrote."""
        self._tentative.clear()

    def drop(self) -> None:
        """Forget the batch."""
        self._tentative.clear()
        self._staged.clear()
        self._decoded.clear()

    def changes(self) -> Iterator[tuple[bytes, bytes | None]]:
        """Yield the batch's accepted writes, each key once, encoded."""
        for key, (record, kept) in self._staged.items():
            value = None if record is None else self._codec.encode(record, kept)
            yield self._prefix + key.encode(), value
