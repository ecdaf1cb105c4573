"""A tree of keys from which any leaf can be removed: a puncturable pseudorandom function. Pure.

The tree is that of Goldreich, Goldwasser and Micali (How to construct random functions, 1986): a node's seed gives the
seeds of both its children by a one-way function, and a leaf's seed is its key. The root derives every key.

To puncture the tree at a leaf, the nodes on the path to it are replaced by the siblings of that path (Kiayias et al.,
Delegatable pseudorandom functions, 2013). All other keys stay derivable from what is left; this one does not.

So no key is stored for an order, every process derives the same key, and yet each key can be destroyed. The tree grows
only with the leaves that were removed.

The removed leaves say which nodes are left: in the gap between two of them, first the right siblings of the lower one's
path, from the bottom up, then the left siblings of the upper one's, from the top down. So only the seeds are stored, in the
order of the nodes' leaves: some 650 bytes for a removed leaf among many, and at most 16 for each level.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from hashlib import blake2b
from itertools import pairwise

SEED_BYTES = 16


class PuncturedError(Exception):
    """The leaf was removed: its key cannot be derived."""


class Tree:
    """A tree of 2**height leaves, or what is left of it; immutable. Leaves are numbers from 0."""

    __slots__ = ("_starts", "height", "removed", "seeds")

    def __init__(self, height: int, removed: Sequence[int] = (), seeds: bytes = b"") -> None:
        """Build a tree of its sorted removed leaves, and of the seeds of its nodes; raises ValueError if they do not match."""
        self.height = height
        self.removed = array("Q", removed)
        self.seeds = seeds
        self._starts = _starts(height, self.removed)
        if len(seeds) != SEED_BYTES * self._starts[-1]:
            raise ValueError(f"{len(seeds)} bytes of seeds for {self._starts[-1]} nodes")

    def key(self, leaf: int) -> bytes:
        """Return a leaf's key; raises PuncturedError."""
        index, height = self._covering(leaf)
        seed = self._seed(index)
        for level in range(height - 1, -1, -1):  # every order does this some 48 times
            digest = blake2b(seed).digest()
            seed = digest[SEED_BYTES : 2 * SEED_BYTES] if (leaf >> level) & 1 else digest[:SEED_BYTES]
        return seed

    def has(self, leaf: int) -> bool:
        """Return True if the leaf was not removed."""
        place = bisect_left(self.removed, leaf)
        return place == len(self.removed) or self.removed[place] != leaf

    def puncture(self, leaf: int) -> "Tree":
        """Return the tree without a leaf; this tree itself if it does not have the leaf."""
        try:
            index, height = self._covering(leaf)
        except PuncturedError:
            return self
        seed, left, right = self._seed(index), b"", b""
        for level in range(height - 1, -1, -1):
            lower, upper = _children(seed)
            if (leaf >> level) & 1:
                left, seed = left + lower, upper
            else:
                right, seed = upper + right, lower
        at, place = index * SEED_BYTES, bisect_left(self.removed, leaf)
        return Tree(
            self.height,
            [*self.removed[:place], leaf, *self.removed[place:]],
            self.seeds[:at] + left + right + self.seeds[at + SEED_BYTES :],
        )

    def split(self) -> tuple["Tree", "Tree"]:
        """Return the trees of the lower and of the upper half of the leaves."""
        height = self.height - 1
        if not self.removed:
            lower, upper = _children(self.seeds)
            return Tree(height, (), lower), Tree(height, (), upper)
        middle = bisect_left(self.removed, 1 << height)
        below, above = self.removed[:middle], [leaf - (1 << height) for leaf in self.removed[middle:]]
        cut = SEED_BYTES * node_count(height, below)
        return Tree(height, below, self.seeds[:cut]), Tree(height, above, self.seeds[cut:])

    def _covering(self, leaf: int) -> tuple[int, int]:
        """Return the index of the node that covers a leaf, and the levels below it; raises PuncturedError."""
        removed = self.removed
        gap = bisect_right(removed, leaf)
        below = above = self.height + 1
        if gap:
            below = (leaf ^ removed[gap - 1]).bit_length()
        if gap < len(removed):
            above = (leaf ^ removed[gap]).bit_length()
        if not below:
            raise PuncturedError
        height = min(below, above) - 1
        mask = (1 << height) - 1
        if above < below:  # the node is a left sibling on the path to the next removed leaf
            return self._starts[gap + 1] - 1 - (removed[gap] & mask).bit_count(), height
        lower = removed[gap - 1] if gap else mask
        return self._starts[gap] + height - (lower & mask).bit_count(), height

    def _seed(self, index: int) -> bytes:
        return self.seeds[index * SEED_BYTES : (index + 1) * SEED_BYTES]


def node_count(height: int, removed: Sequence[int]) -> int:
    """Return how many nodes a tree of this height without these sorted leaves has."""
    return _starts(height, removed)[-1]


def _starts(height: int, removed: Sequence[int]) -> "array[int]":
    """Return for each gap between removed leaves the index of its first node, and then the number of all nodes."""
    if not removed:
        return array("I", (0, 1))
    total = removed[0].bit_count()
    starts = array("I", (0, total))
    for lower, upper in pairwise(removed):
        levels = (lower ^ upper).bit_length() - 1  # below the node where the two paths part
        mask = (1 << levels) - 1
        total += levels - (lower & mask).bit_count() + (upper & mask).bit_count()
        starts.append(total)
    starts.append(total + height - removed[-1].bit_count())
    return starts


def _children(seed: bytes) -> tuple[bytes, bytes]:
    digest = blake2b(seed).digest()
    return digest[:SEED_BYTES], digest[SEED_BYTES : 2 * SEED_BYTES]
