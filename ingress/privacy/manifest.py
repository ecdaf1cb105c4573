"""The manifest of a keyring: the names of all its records, so that a lost one is known to be lost. Pure."""

from collections.abc import Iterable

import msgspec

from ingress.privacy import forest
from ingress.privacy.forest import ROOTS, Space

#: The name of the record that lists the others.
MANIFEST = b"manifest"

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(frozenset[bytes]).decode


class Manifest:
    """The names that the record lists, and those of the records that were read."""

    def __init__(self) -> None:
        self._names: frozenset[bytes] = frozenset()
        self.read: set[bytes] = set()

    @property
    def is_written(self) -> bool:
        """True if the record was read."""
        return bool(self._names)

    def load(self, content: bytes) -> None:
        """Replace the names by those of a record."""
        self._names = _decode(content)

    def content(self, added: Iterable[bytes], ended: Iterable[bytes]) -> bytes:
        """Return the content of the record after these changes."""
        return _encode(sorted(self._after(added, ended)))

    def differs(self, added: Iterable[bytes], ended: Iterable[bytes]) -> bool:
        """Return True if the record has to be written after these changes."""
        return self._after(added, ended) != self._names

    def lost(self) -> frozenset[bytes]:
        """Return the names of records that exist no longer, or of the trees that a keyring without manifest lacks.

        A keyring of the first version has no manifest, and the trees of orders only.
        """
        if self._names:
            return self._names - self.read
        first_version = all(forest.tree_height(name) and name in ROOTS[Space.ORDER] for name in self.read)
        lost = self._missing_roots(Space.ORDER)
        return frozenset(lost if first_version else [MANIFEST, *lost])

    def missing_trees(self) -> frozenset[bytes]:
        """Return the names of the trees to create so that every key has one."""
        lost = (name for name in self.lost() if forest.tree_height(name) is not None)
        return frozenset(lost).union(*map(self._missing_roots, Space))

    def _missing_roots(self, space: Space) -> list[bytes]:
        if self._names:  # they are all there, or split, or lost
            return []
        split = {name[: len(ROOTS[space][0])] for name in self.read}
        return [root for root in ROOTS[space] if root not in split]

    def _after(self, added: Iterable[bytes], ended: Iterable[bytes]) -> frozenset[bytes]:
        return frozenset(self.read.union(added).difference(ended)) - {MANIFEST}
