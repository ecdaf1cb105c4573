"""The keyring: derives the keys of orders and customers until they are destroyed, and keeps those of months.

Pure but for new seeds and keys.
"""

import hashlib
import os
from collections import OrderedDict
from collections.abc import Iterable, Mapping

from ingress.http.problems import Unavailable
from ingress.privacy import forest, months, tree_format
from ingress.privacy.forest import Forest, Leaf, MissingTreeError, Space
from ingress.privacy.manifest import MANIFEST, Manifest
from ingress.privacy.months import Month
from ingress.privacy.tree import SEED_BYTES, PuncturedError, Tree
from ingress.privacy.wrapping import Wrapping

MONTH_KEY_BYTES = 32
#: Seeds of leaves that are kept because they were used: some 300 bytes each.
MAX_CACHED_SEEDS = 4_096
#: The content of a month's record once its key is destroyed.
_DROPPED = b""
_MONTH_PREFIX = b"month-"

#: Records to write, by name; None: the record ends.
Changes = Mapping[bytes, bytes | None]


class ErasedError(Exception):
    """A key of the data was destroyed, so the data is forgotten."""


class UnknownMonthError(Exception):
    """The keyring has never had a key of this month."""


class Keyring:
    """The trees and keys that this process has read."""

    def __init__(self, wrapping: Wrapping) -> None:
        self._wrapping = wrapping
        self._forest = Forest()
        self._seeds: OrderedDict[Leaf, bytes] = (
            OrderedDict()
        )  # the oldest first; none outlives a change of any tree
        self._months: dict[Month, bytes] = {}
        self._manifest = Manifest()
        self._outdated: set[bytes] = set()  # names of records that an earlier secret wraps

    def begin_read(self) -> None:
        """Expect all records of the topic again; what was read before stays usable until it is replaced."""
        self._manifest = Manifest()

    def load(self, name: bytes, wrapped: bytes | None) -> None:
        """Add a record, or replace it; None: it has ended. Other names are ignored. Raises WrongSecretError."""
        if not is_secret(name) and name != MANIFEST:
            return
        self._seeds.clear()
        self._outdated.discard(name)
        self._manifest.read.discard(name)
        if wrapped is None:
            self._forest.pop(name, None)
            return
        content = self._wrapping.unwrap(name, wrapped)
        if not self._wrapping.is_current(wrapped):
            self._outdated.add(name)
        self._manifest.read.add(name)
        if name == MANIFEST:
            self._manifest.load(content)
        elif name.startswith(_MONTH_PREFIX):
            self._months[_month_of(name)] = content
        else:
            self._forest[name] = tree_format.unpack(content, forest.tree_height(name) or 0)

    @property
    def lost(self) -> frozenset[bytes]:
        """The names of records that the keyring once had, or must have had if there are orders, and that were not read."""
        return self._manifest.lost()

    @property
    def has_been_complete(self) -> bool:
        """True if some process has written all records of a keyring, so that a missing one is lost."""
        return self._manifest.is_written

    @property
    def erased_count(self) -> int:
        """The number of orders and customers whose own key was destroyed."""
        return sum(len(tree.removed) for tree in self._forest.values())

    def order_key(self, order_id: str) -> bytes:
        """Return an order's key, 32 bytes. Raises ErasedError, and Unavailable while its tree was not read."""
        # Hashing the whole id: two orders that share a leaf are erased together, but have different keys.
        return _derive(self._seed(forest.leaf(Space.ORDER, order_id)), order_id, b"promo-order")

    def person_key(self, name: str) -> bytes:
        """Return the key of a customer's or phone's name (see customer_ids.py), 32 bytes; raises as `order_key`."""
        return _derive(self._seed(forest.leaf(Space.PERSON, name)), name, b"promo-person")

    def month_key(self, month: Month) -> bytes:
        """Return a month's key, 32 bytes; raises ErasedError, UnknownMonthError."""
        key = self._months.get(month)
        if key is None:
            raise UnknownMonthError
        if key == _DROPPED:
            raise ErasedError
        return key

    def is_forgotten(self, order_id: str) -> bool:
        """Return True if an order's own key was destroyed; raises Unavailable."""
        return not self._has(forest.leaf(Space.ORDER, order_id))

    def is_person_forgotten(self, name: str) -> bool:
        """Return True if the key of a customer's or phone's name was destroyed; raises Unavailable."""
        return not self._has(forest.leaf(Space.PERSON, name))

    def lacks(self, month: Month) -> bool:
        """Return True if a record has to be written: one that is missing in this month, or wrapped by an earlier secret."""
        return bool(
            self.lost or self._outdated or self._missing_months(month) or not self._manifest.is_written
        )

    def complete(self, month: Month) -> Changes:
        """Return the records to write so that each exists and is wrapped with the current secret.

        Lost ones are replaced by new ones, which open nothing that was sealed before.
        """
        contents = {name: self._content(name) for name in self._outdated - {MANIFEST}}
        for name in self._manifest.missing_trees():
            tree = Tree(forest.tree_height(name) or 0, (), os.urandom(SEED_BYTES))
            contents[name] = tree_format.pack(tree)
        for missing in self._missing_months(month):
            contents[_month_name(missing)] = os.urandom(MONTH_KEY_BYTES)
        return self._changes(contents)

    def destroy(self, order_ids: Iterable[str] = (), person_names: Iterable[str] = ()) -> Changes:
        """Return the records to write so that the keys of these orders and people are destroyed; none if they are."""
        leaves = [forest.leaf(Space.ORDER, name) for name in order_ids]
        leaves += [forest.leaf(Space.PERSON, name) for name in person_names]
        after = Forest(self._forest)
        names = {name for leaf in leaves for name in after.puncture(leaf)}
        return self._changes(
            {name: tree_format.pack(after[name]) if name in after else None for name in sorted(names)}
        )

    def drop_month(self, month: Month) -> Changes:
        """Return the records to write so that a month's key is destroyed; none if it is. Raises UnknownMonthError."""
        try:
            self.month_key(month)
        except ErasedError:
            return {}
        return self._changes({_month_name(month): _DROPPED})

    def _changes(self, contents: Mapping[bytes, bytes | None]) -> Changes:
        """Return the records with these contents, and a new manifest if it has to name others than before."""
        added = {name: content for name, content in contents.items() if content is not None}
        ended = contents.keys() - added.keys()
        if MANIFEST in self._outdated or self._manifest.differs(added, ended):
            added[MANIFEST] = self._manifest.content(added, ended)
        wrapped = {name: self._wrapping.wrap(name, content) for name, content in added.items()}
        # last, so that no process that has read a part of the changes takes an ended record for a lost one
        return wrapped | dict.fromkeys(sorted(ended))

    def _content(self, name: bytes) -> bytes:
        if name.startswith(_MONTH_PREFIX):
            return self._months[_month_of(name)]
        return tree_format.pack(self._forest[name])

    def _missing_months(self, month: Month) -> list[Month]:
        """Return this month and the next, as far as they have no record: no order ever waits for its month's key."""
        read = self._manifest.read
        return [one for one in (month, Month(month + 1)) if _month_name(one) not in read]

    def _seed(self, leaf: Leaf) -> bytes:
        if (seed := self._seeds.get(leaf)) is not None:
            return seed
        try:
            seed = self._forest.key(leaf)
        except PuncturedError:
            raise ErasedError from None
        except MissingTreeError:
            raise Unavailable from None
        if len(self._seeds) >= MAX_CACHED_SEEDS:
            self._seeds.popitem(last=False)
        self._seeds[leaf] = seed
        return seed

    def _has(self, leaf: Leaf) -> bool:
        try:
            return self._forest.has(leaf)
        except MissingTreeError:
            raise Unavailable from None


def is_secret(name: bytes) -> bool:
    """Return True if the record of this name holds keys: a superseded one must disappear."""
    return forest.tree_height(name) is not None or name.startswith(_MONTH_PREFIX)


def _derive(seed: bytes, name: str, person: bytes) -> bytes:
    return hashlib.blake2b(name.encode(), key=seed, digest_size=32, person=person).digest()


def _month_name(month: Month) -> bytes:
    return _MONTH_PREFIX + months.to_text(month).encode()


def _month_of(name: bytes) -> Month:
    return months.from_text(name.removeprefix(_MONTH_PREFIX).decode())
