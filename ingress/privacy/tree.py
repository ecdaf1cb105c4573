"""A tree of keys from which any leaf can be cut: a puncturable pseudorandom function. Pure.

The tree of Goldreich, Goldwasser and Micali (How to construct random functions, 1986): the seed of a node
gives the seeds of both its children by a one-way function, and a leaf's seed is its key. Whoever holds the
root can derive every key. To cut a leaf, the nodes on the way to it are replaced by the siblings of that
way (Kiayias et al., Delegatable pseudorandom functions, 2013): all other keys stay derivable, and this one is not,
by anybody, from what is left. So no key is stored for an order, equal orders get equal keys in every process,
and yet each key can be destroyed; what is kept grows only with what was cut.
"""

import hashlib
from bisect import bisect_right
from collections.abc import Iterable

from msgspec import Struct

#: Levels of a tree; a leaf is a number below 2**DEPTH.
DEPTH = 48
SEED_BYTES = 16


class Cut(Exception):
    """The leaf was cut: its key is gone."""


class Node(Struct, frozen=True, array_like=True):
    """A node whose seed is held: it covers the leaves whose first `depth` bits are those of `prefix`."""

    depth: int
    prefix: int
    seed: bytes

    @property
    def first(self) -> int:
        """The first leaf under this node."""
        return self.prefix << (DEPTH - self.depth)


class Tree:
    """What is left of a tree; immutable."""

    def __init__(self, nodes: Iterable[Node]) -> None:
        """Take the nodes that are held, none of them under another."""
        self.nodes = sorted(nodes, key=_first)
        self._firsts = [node.first for node in self.nodes]

    @classmethod
    def grown_from(cls, seed: bytes) -> "Tree":
        """Return a whole tree."""
        return cls([Node(0, 0, seed)])

    def key(self, leaf: int) -> bytes:
        """Return a leaf's key; raises Cut."""
        node = self.nodes[self._covering(leaf)]
        seed = node.seed
        for level in range(DEPTH - node.depth - 1, -1, -1):
            seed = _child(seed, (leaf >> level) & 1)
        return seed

    def without(self, leaf: int) -> "Tree":
        """Return the tree from which a leaf is cut; the same tree where it had been."""
        try:
            at = self._covering(leaf)
        except Cut:
            return self
        node = self.nodes[at]
        seed, siblings = node.seed, []
        for depth in range(node.depth + 1, DEPTH + 1):
            prefix = leaf >> (DEPTH - depth)
            siblings.append(Node(depth, prefix ^ 1, _child(seed, (prefix & 1) ^ 1)))
            seed = _child(seed, prefix & 1)
        siblings.sort(key=_first)
        less = Tree([])
        less.nodes = [*self.nodes[:at], *siblings, *self.nodes[at + 1 :]]
        less._firsts = [*self._firsts[:at], *map(_first, siblings), *self._firsts[at + 1 :]]
        return less

    def _covering(self, leaf: int) -> int:
        """Return which of the nodes covers a leaf; raises Cut."""
        at = bisect_right(self._firsts, leaf) - 1
        if at < 0 or leaf >> (DEPTH - self.nodes[at].depth) != self.nodes[at].prefix:
            raise Cut
        return at


def _first(node: Node) -> int:
    return node.first


def _child(seed: bytes, side: int) -> bytes:
    both = hashlib.blake2b(seed).digest()
    return both[SEED_BYTES : 2 * SEED_BYTES] if side else both[:SEED_BYTES]
