"""Staged writes: what a micro-batch would change. Only the batch itself sees them before the commit.

There are two levels. A message's writes are tentative until the message is accepted, so a message that fails
leaves none. The batch's writes reach the store after the commit (rule 2).
"""

from collections.abc import Iterator
from itertools import islice
from typing import Any, Generic, TypeVar

import msgspec

from streams.exactly_once.ports import LocalStore

R = TypeVar("R")

_encode = msgspec.json.Encoder().encode
_ABSENT = object()


class StagedTable(Generic[R]):
    """One table of one partition, read by key, with staged writes."""

    def __init__(self, name: str, record: type[R], store: LocalStore) -> None:
        self._prefix = name.encode() + b"\0"
        self._decode = msgspec.json.Decoder(record).decode
        self._store = store
        self._tentative: dict[str, R | None] = {}
        self._staged: dict[str, R | None] = {}
        self._decoded: dict[str, R | None] = {}  # records of the store that this batch has read

    def get(self, key: str, default: Any = None, /) -> Any:
        """Return the record under `key` as this message sees it."""
        for level in (self._tentative, self._staged, self._decoded):
            found = level.get(key, _ABSENT)
            if found is not _ABSENT:
                return default if found is None else found
        raw = self._store.get(self._prefix + key.encode())
        record = None if raw is None else self._decode(raw)
        self._decoded[key] = record
        return default if record is None else record

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
        """Stage a record; None deletes."""
        self._tentative[key] = record

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
        for key, record in self._staged.items():
            yield self._prefix + key.encode(), None if record is None else _encode(record)
