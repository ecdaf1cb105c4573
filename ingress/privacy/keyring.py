"""The keyring: from an order's id to its key, until the order is forgotten."""

import hashlib
import os
from collections.abc import Iterable

from ingress.privacy.tree import DEPTH, SEED_BYTES, Cut, Tree
from ingress.privacy.wrapping import Wrapping
from ingress.problems import Unavailable

#: Trees of a keyring: what forgetting one order writes anew is one of them.
TREES = 256
NAMES = tuple(b"%02x" % number for number in range(TREES))


class Forgotten(Exception):
    """The order's personal data was forgotten: its key is gone."""


class Keyring:
    """The trees that this process knows of."""

    def __init__(self, wrapping: Wrapping) -> None:
        """Take what unwraps them."""
        self._wrapping = wrapping
        self._wrapped: dict[bytes, bytes] = {}
        self._trees: dict[bytes, Tree] = {}

    @property
    def is_whole(self) -> bool:
        """Whether every tree is known."""
        return len(self._trees) == TREES

    def take(self, name: bytes, wrapped: bytes) -> None:
        """Take a tree as it was written down last; raises WrongSecretError."""
        if name in NAMES:
            self._trees[name] = self._wrapping.unwrap(name, wrapped)
            self._wrapped[name] = wrapped

    def key(self, order_id: str) -> bytes:
        """Return an order's key, 32 bytes; raises Forgotten, and Unavailable while the trees are not known."""
        name, leaf = place(order_id)
        tree = self._trees.get(name)
        if tree is None:
            raise Unavailable
        try:
            seed = tree.key(leaf)
        except Cut:
            raise Forgotten from None
        # the whole id goes in: two orders that share a leaf are forgotten together, but never share a key
        return hashlib.blake2b(order_id.encode(), key=seed, digest_size=32, person=b"promo-order").digest()

    def is_forgotten(self, order_id: str) -> bool:
        """Say whether an order's key is gone; raises Unavailable."""
        try:
            self.key(order_id)
        except Forgotten:
            return True
        return False

    def missing(self) -> dict[bytes, bytes]:
        """Return what must be written so that every tree is there, wrapped with the current secret."""
        written = {
            name: self._wrapping.wrap(name, self._trees.get(name) or Tree.grown_from(os.urandom(SEED_BYTES)))
            for name in NAMES
            if name not in self._wrapped or not self._wrapping.is_current(self._wrapped[name])
        }
        return written

    def forgetting(self, order_ids: Iterable[str]) -> dict[bytes, bytes]:
        """Return what must be written so that these orders are forgotten; nothing where they are."""
        cut: dict[bytes, Tree] = {}
        for order_id in order_ids:
            name, leaf = place(order_id)
            tree = cut.get(name) or self._trees[name]
            if (less := tree.without(leaf)) is not tree:
                cut[name] = less
        return {name: self._wrapping.wrap(name, tree) for name, tree in cut.items()}


def place(order_id: str) -> tuple[bytes, int]:
    """Return an order's tree, and its leaf in it."""
    digest = hashlib.blake2b(order_id.encode(), digest_size=1 + DEPTH // 8, person=b"promo-leaf").digest()
    return NAMES[digest[0]], int.from_bytes(digest[1:], "big")
