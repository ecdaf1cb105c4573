"""A cache with a budget in bytes: it keeps the entries that were used last, as many as their sizes allow."""

from array import array
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

from ingress.memory import budgets, gauges

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

#: What the cache itself needs for an entry, in bytes: its node, its slot, its tuple, its size.
ENTRY_BYTES = 320
#: Keys that are remembered as requested once. A further key may overwrite an earlier one.
REMEMBERED_KEYS = 8_192


class SizedLru(Generic[K, V]):
    """Entries by key, the least recently used one evicted first. Pure."""

    def __init__(self, name: str) -> None:
        """`name` is that of its budget, and its label in metrics."""
        self._max_bytes = budgets.CACHES[name]
        self._entries: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._requested_once = array("q", [-1]) * REMEMBERED_KEYS  # hashes of keys, of which none is -1
        #: What the entries hold, in bytes.
        self.held_bytes = 0
        gauges.register(name, self)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: K) -> bool:
        return key in self._entries

    def get(self, key: K) -> V | None:
        """Return the value of a key, and consider it used; None if there is none."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        self._entries.move_to_end(key)
        return entry[0]

    def put(self, key: K, value: V, size: int) -> None:
        """Keep a value of `size` bytes, its key included, in place of that of the same key.

        A value that is larger than the whole budget is not kept.
        """
        self.remove(key)
        size += ENTRY_BYTES
        if size <= self._max_bytes:
            self._entries[key] = value, size
            self.held_bytes += size
        while self.held_bytes > self._max_bytes:
            self.held_bytes -= self._entries.popitem(last=False)[1][1]

    def put_on_second_request(self, key: K, value: V, size: int) -> None:
        """Like `put`, but a key that is neither kept nor was requested a short while ago is only remembered.

        So what one client has requested once displaces nothing that others use.
        """
        if key in self._entries or self._was_requested(key):
            self.put(key, value, size)

    def remove(self, key: K) -> None:
        """Drop the value of a key, if there is one."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            self.held_bytes -= entry[1]

    def _was_requested(self, key: K) -> bool:
        """Return True if the key was requested before and no other has taken its slot since; remember it."""
        mark = hash(key)
        slot = mark % REMEMBERED_KEYS
        if self._requested_once[slot] == mark:
            return True
        self._requested_once[slot] = mark
        return False
