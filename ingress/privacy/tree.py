"""A tree of keys from which any leaf can be removed: a puncturable pseudorandom function. Pure.

The tree is that of Goldreich, Goldwasser and Micali (How to construct random functions, 1986): a node's seed gives the
seeds of both its children by a one-way function, and a leaf's seed is its key. The root derives every key.

To puncture the tree at a leaf, the nodes on the path to it are replaced by the siblings of that path (Kiayias et al.,
Delegatable pseudorandom functions, 2013). All other keys stay derivable from what is left; this one does not.

So no key is stored for an order, every process derives the same key, and yet each key can be destroyed. The tree grows
only with the leaves that were removed.
"""

import hashlib
from bisect import bisect_right
from collections.abc import Iterable

from msgspec import Struct

#: Levels of a tree; a leaf is a number below 2**DEPTH.
DEPTH = 48
SEED_BYTES = 16


class PuncturedError(Exception):
    """The leaf was removed: its key cannot be derived."""


class Node(Struct, frozen=True, array_like=True):
    """A node whose seed is stored; it covers the leaves whose first `depth` bits are `prefix`."""

    depth: int
    prefix: int
    seed: bytes

    @property
    def first(self) -> int:
        """The first leaf under this node."""
        return self.prefix << (DEPTH - self.depth)


class Tree:
    """A tree, or what is left of it; immutable."""

    def __init__(self, nodes: Iterable[Node]) -> None:
        """Build a tree of nodes, of which none is below another."""
        self.nodes = sorted(nodes, key=_first)
        self._firsts = [node.first for node in self.nodes]

    @classmethod
    def from_seed(cls, seed: bytes) -> "Tree":
        """Return the tree that covers every leaf."""
        return cls([Node(0, 0, seed)])

    def key(self, leaf: int) -> bytes:
        """Return a leaf's key; raises PuncturedError."""
        node = self.nodes[self._covering(leaf)]
        seed = node.seed
        for level in range(DEPTH - node.depth - 1, -1, -1):
            seed = _child(seed, (leaf >> level) & 1)
        return seed

    def puncture(self, leaf: int) -> "Tree":
        """Return the tree without a leaf; this tree itself if it does not have the leaf."""
        try:
            index = self._covering(leaf)
        except PuncturedError:
            return self
        node = self.nodes[index]
        seed, siblings = node.seed, []
        for depth in range(node.depth + 1, DEPTH + 1):
            prefix = leaf >> (DEPTH - depth)
            siblings.append(Node(depth, prefix ^ 1, _child(seed, (prefix & 1) ^ 1)))
            seed = _child(seed, prefix & 1)
        siblings.sort(key=_first)
        punctured = Tree([])
        punctured.nodes = [*self.nodes[:index], *siblings, *self.nodes[index + 1 :]]
        punctured._firsts = [*self._firsts[:index], *map(_first, siblings), *self._firsts[index + 1 :]]
        return punctured

    def _covering(self, leaf: int) -> int:
        """Return the index of the node that covers a leaf; raises PuncturedError."""
        index = bisect_right(self._firsts, leaf) - 1
        if index < 0 or leaf >> (DEPTH - self.nodes[index].depth) != self.nodes[index].prefix:
            raise PuncturedError
        return index


def _first(node: Node) -> int:
    return node.first


def _child(seed: bytes, side: int) -> bytes:
    children = hashlib.blake2b(seed).digest()
    return children[SEED_BYTES : 2 * SEED_BYTES] if side else children[:SEED_BYTES]
