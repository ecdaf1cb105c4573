"""Staged writes: what a micro-batch would change, seen by itself, and by nobody else before the commit.

Two levels. A message's writes are tentative until it is accepted, so that one that fails in the
middle leaves nothing; the batch's writes reach the store only after the commit (rule 2).
"""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Generic, TypeVar

import msgspec

from streams.exactly_once.ports import LocalStore

R = TypeVar("R")

_encode = msgspec.json.Encoder().encode
_ABSENT = object()


class StagedTable(Mapping[str, R], Generic[R]):
    """One table of one partition: a mapping from key to record, with staged writes."""

    def __init__(self, name: str, record: type[R], store: LocalStore) -> None:
        self._prefix = name.encode() + b"\0"
        self._decode = msgspec.json.Decoder(record).decode
        self._store = store
        self._tentative: dict[str, R | None] = {}
        self._staged: dict[str, R | None] = {}
        self._read: dict[str, R | None] = {}  # decoded once a batch

    def get(self, key: str, default: Any = None) -> Any:
        """Return the record under `key` as this message would see it."""
        for level in (self._tentative, self._staged, self._read):
            found = level.get(key, _ABSENT)
            if found is not _ABSENT:
                return default if found is None else found
        raw = self._store.get(self._prefix + key.encode())
        record = None if raw is None else self._decode(raw)
        self._read[key] = record
        return default if record is None else record

    def __getitem__(self, key: str) -> R:
        record = self.get(key)
        if record is None:
            raise KeyError(key)
        return record  # type: ignore[no-any-return]

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self.get(key) is not None

    def __iter__(self) -> Iterator[str]:
        raise TypeError("a staged table is read by key")

    def __len__(self) -> int:
        raise TypeError("a staged table is read by key")

    def first(self, end: str, limit: int) -> list[R]:
        """Return the records whose keys lie before `end`, in the order of keys, as this message would see them."""
        stop = self._prefix + end.encode()
        found = {
            raw[len(self._prefix) :].decode(): value
            for raw, value in islice(self._store.scan(self._prefix, stop), limit + len(self._staged))
        }
        keys = set(found) | {k for level in (self._staged, self._tentative) for k in level if k < end}
        records = (self.get(key) for key in sorted(keys))
        return list(islice((r for r in records if r is not None), limit))

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
        self._read.clear()

    def changes(self) -> Iterator[tuple[bytes, bytes | None]]:
        """Yield the batch's accepted writes, each key once, encoded."""
        for key, record in self._staged.items():
            yield self._prefix + key.encode(), None if record is None else _encode(record)
