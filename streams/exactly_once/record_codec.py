"""The codec of a table's records: JSON with a label that names the version and the schema of the release that wrote it.

    {"$v":"1.3fa2c8d1","n":4}

A record without a label has version 1: releases before the first label wrote it. They read labelled records too, since
they ignore a field that they do not know. The label of this release costs a comparison of bytes. Behind another label
this release looks for fields that it does not know, and keeps them when the record is written again.
"""

import hashlib
import re
from functools import lru_cache
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

import msgspec
from msgspec import inspect

from streams.exactly_once import unknown_fields
from streams.exactly_once.ports import StopError
from streams.exactly_once.unknown_fields import Shape, UnknownFields

R = TypeVar("R")

_LABEL_FIELD = "$v"
_LABELLED = b'{"$v":'
_LABEL = re.compile(rb'\{"\$v":"([0-9]{1,9})\.([0-9a-f]{8})"[,}]')

_encode = msgspec.json.Encoder().encode


class NewerStateError(StopError):
    """A stored record has a version that this release does not know."""

    reason: ClassVar[str] = "newer-state"


class UnreadableStateError(StopError):
    """A stored record has a version that this release knows, and it cannot be decoded."""

    reason: ClassVar[str] = "unreadable-state"


class RecordVersions(NamedTuple):
    """The version of the records that a release writes, and the newest that it knows: a release reads one before it writes it."""

    written: int = 1
    known: int = 1


#: Of a record that no release has changed in a way that an older one must not ignore.
FIRST_VERSION = RecordVersions()


class Kept(NamedTuple):
    """What a record keeps of the stored one when it is written again: its version, its schema, its unknown fields."""

    version: int
    schema: str
    unknown: UnknownFields | None


class StoredRecord(NamedTuple, Generic[R]):
    """A record, None if there is none, and what is kept of it; None: nothing, since this release has written it."""

    record: R | None
    kept: Kept | None = None


class RecordCodec(Generic[R]):
    """Encodes and decodes the records of one table."""

    def __init__(self, record: type[R], versions: RecordVersions = FIRST_VERSION) -> None:
        self._decode = msgspec.json.Decoder(record).decode
        self._shape = unknown_fields.shape_of(inspect.type_info(record)) or Shape()
        self._versions = versions
        self._schema = schema_digest(record)  # type: ignore[arg-type]  # every class is hashable
        self._label = b'{"$v":"%d.%s"' % (versions.written, self._schema.encode())

    def decode(self, raw: bytes) -> StoredRecord[R]:
        """Return the stored record. Raises NewerStateError, UnreadableStateError."""
        try:
            if raw.startswith(self._label) or not raw.startswith(_LABELLED):
                return StoredRecord(self._decode(raw))
            return self._decode_labelled(raw)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise UnreadableStateError(f"{type(error).__name__}: {error}") from error

    def encode(self, record: R, kept: Kept | None) -> bytes:
        """Return the bytes of a record that takes the place of the stored one."""
        encoded = _encode(record)
        if kept is None:
            return self._label + (b"," if len(encoded) > 2 else b"") + encoded[1:]
        plain = msgspec.json.decode(encoded)
        schema = self._schema
        if kept.unknown is not None:
            # the label says that there are more fields than this release has, to this release as well
            schema = kept.schema
            unknown_fields.restore(plain, self._shape, kept.unknown)
        return _encode({_LABEL_FIELD: f"{max(kept.version, self._versions.written)}.{schema}", **plain})

    def _decode_labelled(self, raw: bytes) -> StoredRecord[R]:
        label = _LABEL.match(raw)
        if label is None:
            raise NewerStateError(f"a label that this release does not know: {raw[:40]!r}")
        version, schema = int(label[1]), label[2].decode()
        if version > self._versions.known:
            raise NewerStateError(f"version {version}; this release knows {self._versions.known}")
        plain: dict[str, Any] = msgspec.json.decode(raw)
        del plain[_LABEL_FIELD]
        unknown = unknown_fields.split(plain, self._shape)
        # a nested class may forbid fields that it does not have, so what is decoded is what is left
        record = self._decode(raw if unknown is None else _encode(plain))
        is_plain = unknown is None and version <= self._versions.written
        return StoredRecord(record, None if is_plain else Kept(version, schema, unknown))


@lru_cache(maxsize=256)
def schema_digest(record: type[Any]) -> str:
    """Return eight hexadecimal digits that differ if one of the record's classes has another field."""
    definitions = msgspec.json.schema(record)["$defs"]
    fields = sorted((name, sorted(of.get("properties", ()))) for name, of in definitions.items())
    return hashlib.blake2s(repr(fields).encode(), digest_size=4).hexdigest()
