"""The keyring: derives an order's key from its id, until the key is destroyed. Pure but for new seeds."""

import hashlib
import os
from collections.abc import Iterable

from ingress.http.problems import Unavailable
from ingress.privacy.tree import DEPTH, SEED_BYTES, PuncturedError, Tree
from ingress.privacy.wrapping import Wrapping

#: Trees of a keyring; destroying one key rewrites one tree.
TREE_COUNT = 256
TREE_NAMES = tuple(b"%02x" % number for number in range(TREE_COUNT))


class ErasedError(Exception):
    """The order's key was destroyed, so its personal data is unreadable."""


class Keyring:
    """The trees that this process has read."""

    def __init__(self, wrapping: Wrapping) -> None:
        self._wrapping = wrapping
        self._wrapped: dict[bytes, bytes] = {}
        self._trees: dict[bytes, Tree] = {}

    @property
    def is_complete(self) -> bool:
        """True if every tree was read."""
        return len(self._trees) == TREE_COUNT

    def load_tree(self, name: bytes, wrapped: bytes) -> None:
        """Add a tree, or replace it; other names are ignored. Raises WrongSecretError."""
        if name in TREE_NAMES:
            self._trees[name] = self._wrapping.unwrap(name, wrapped)
            self._wrapped[name] = wrapped

    def key(self, order_id: str) -> bytes:
        """Return an order's key, 32 bytes. Raises ErasedError, and Unavailable while its tree was not read."""
        name, leaf = locate_leaf(order_id)
        tree = self._trees.get(name)
        if tree is None:
            raise Unavailable
        try:
            seed = tree.key(leaf)
        except PuncturedError:
            raise ErasedError from None
        # Hashing the whole id: two orders that share a leaf are erased together, but have different keys.
        return hashlib.blake2b(order_id.encode(), key=seed, digest_size=32, person=b"promo-order").digest()

    def is_forgotten(self, order_id: str) -> bool:
        """Return True if an order's key was destroyed; raises Unavailable."""
        try:
            self.key(order_id)
        except ErasedError:
            return True
        return False

    def trees_to_write(self) -> dict[bytes, bytes]:
        """Return, by name, the trees to write so that each exists and is wrapped with the current secret."""
        return {
            name: self._wrapping.wrap(name, self._trees.get(name) or Tree.from_seed(os.urandom(SEED_BYTES)))
            for name in TREE_NAMES
            if name not in self._wrapped or not self._wrapping.is_current(self._wrapped[name])
        }

    def puncture_orders(self, order_ids: Iterable[str]) -> dict[bytes, bytes]:
        """Return, by name, the trees to write so that the keys of these orders are destroyed; empty if they are."""
        changed: dict[bytes, Tree] = {}
        for order_id in order_ids:
            name, leaf = locate_leaf(order_id)
            tree = changed.get(name) or self._trees[name]
            if (punctured := tree.puncture(leaf)) is not tree:
                changed[name] = punctured
        return {name: self._wrapping.wrap(name, tree) for name, tree in changed.items()}


def locate_leaf(order_id: str) -> tuple[bytes, int]:
    """Return the name of an order's tree, and its leaf in that tree."""
    digest = hashlib.blake2b(order_id.encode(), digest_size=1 + DEPTH // 8, person=b"promo-leaf").digest()
    return TREE_NAMES[digest[0]], int.from_bytes(digest[1:], "big")
