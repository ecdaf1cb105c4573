"""Trees by name: the leaves of orders and of people, in records that stay small. Pure.

A leaf is a number of 56 bits: the first eight name the tree. A tree that has grown past MAX_TREE_BYTES is split in two, whose
names end with one more bit. So each record stays far below the limit of the topic, however many keys were destroyed.
"""

import hashlib
import re
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

from ingress.privacy.tree import Tree

#: Levels of a tree that was not split.
HEIGHT = 48
#: Past this size, in bytes of its seeds, a tree is split.
MAX_TREE_BYTES = 256 * 1024

_ROOT_COUNT = 256
_NAME = re.compile(rb"(?:p?[0-9a-f]{2})([01]{0,%d})" % (HEIGHT - 1))


class Space(Enum):
    """Whose leaf it is: no order's name leads to a person's leaf, or the other way around."""

    ORDER = b""
    PERSON = b"p"


class Leaf(NamedTuple):
    """A leaf of a tree that was not split, by the name of the tree."""

    root: bytes
    number: int


#: The names of the trees of a new keyring.
ROOTS = {space: tuple(space.value + b"%02x" % number for number in range(_ROOT_COUNT)) for space in Space}


class MissingTreeError(Exception):
    """The tree of a leaf was not read."""


def leaf(space: Space, name: str) -> Leaf:
    """Return the leaf of what has this name."""
    person = b"promo-leaf" if space is Space.ORDER else b"promo-person"
    digest = hashlib.blake2b(name.encode(), digest_size=1 + HEIGHT // 8, person=person).digest()
    return Leaf(ROOTS[space][digest[0]], int.from_bytes(digest[1:], "big"))


def tree_height(name: bytes) -> int | None:
    """Return the height of the tree of this name; None if no tree has it."""
    match = _NAME.fullmatch(name)
    return None if match is None else HEIGHT - len(match[1])


class Forest(dict[bytes, Tree]):
    """Trees by name."""

    def find(self, leaf: Leaf) -> tuple[bytes, int]:
        """Return the name of the tree that has a leaf, and its number there; raises MissingTreeError."""
        name, number = leaf
        height = HEIGHT
        while name not in self:
            if not height:
                raise MissingTreeError
            height -= 1
            name += b"1" if (number >> height) & 1 else b"0"
        return name, number & ((1 << height) - 1)

    def key(self, leaf: Leaf) -> bytes:
        """Return a leaf's key; raises PuncturedError, MissingTreeError."""
        name, number = self.find(leaf)
        return self[name].key(number)

    def has(self, leaf: Leaf) -> bool:
        """Return True if a leaf was not removed; raises MissingTreeError."""
        name, number = self.find(leaf)
        return self[name].has(number)

    def puncture(self, leaf: Leaf) -> Iterator[bytes]:
        """Remove a leaf; yield the names of the trees that this changed or ended. Raises MissingTreeError."""
        name, number = self.find(leaf)
        punctured = self[name].puncture(number)
        if punctured is self[name]:
            return
        yield from self._put(name, punctured)

    def _put(self, name: bytes, tree: Tree) -> Iterator[bytes]:
        if len(tree.seeds) <= MAX_TREE_BYTES:
            self[name] = tree
            yield name
            return
        if self.pop(name, None) is not None:
            yield name
        for bit, half in zip((b"0", b"1"), tree.split(), strict=True):
            yield from self._put(name + bit, half)
