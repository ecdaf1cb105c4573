"""A cache of views: an entry is served until a change of it is known, and for a while if Redis is unavailable.

README.md has the table of cases; the predicates of its columns are here and in change_tracker.py.
"""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import count
from typing import Generic, TypeVar

from msgspec import Struct

from ingress.http.problems import Overloaded, Unavailable
from ingress.memory.sized_lru import SizedLru
from ingress.views.batch_loader import BatchLoader
from ingress.views.change_tracker import NO_EPOCH, ChangeTracker
from ingress.views.ports import ViewVersion
from schemas import metrics, timestamps
from schemas.timestamps import MonotonicSeconds

V = TypeVar("V")
_rejected_reads = metrics.requests_rejected.labels("overload_read")

#: Time for which an entry is served although it has changed, in seconds: a menu that changes with every order
#: need not be read with every order.
MAX_REUSE_SECONDS = 0.15
#: The same while reads are shed (ingress/load_shedding/README.md).
MAX_REUSE_UNDER_PRESSURE_SECONDS = 1.0
_numbers = count()

LoadViews = Callable[[Sequence[str]], Awaitable[tuple[ViewVersion, Mapping[str, V]]]]


class CachedView(Struct, Generic[V], eq=False, frozen=True):
    """A view, with the epoch, revision and monotonic time at which it was read; no other read has its number."""

    number: int
    view: V
    epoch: int
    revision: int
    read_at: MonotonicSeconds


class ViewCache(Generic[V]):
    """Caches views by key."""

    def __init__(
        self,
        budget: str,
        load: LoadViews[V],
        size_of: Callable[[V], int],
        tracker: ChangeTracker,
        stale_if_error_seconds: float,
        should_skip_reads: Callable[[], bool] = lambda: False,
        invalidated_by: str = "",
        is_complete: Callable[[V], bool] = lambda view: True,
    ) -> None:
        """Args:
        budget: the name of the budget in bytes; the view that was used longest ago is evicted first.
        load: reads several views in one round trip.
        size_of: returns how many bytes a view needs, or a few more.
        tracker: knows which views have changed.
        stale_if_error_seconds: for how long entries are served while the views are unavailable (RFC 5861).
        should_skip_reads: True while reads are shed.
        invalidated_by: a key whose change invalidates every entry of this cache.
        is_complete: False for a view that has to be read again even if it does not change.
        """
        self._load_views = load
        self._tracker = tracker
        self._stale_if_error_seconds = stale_if_error_seconds
        self._should_skip_reads = should_skip_reads
        self._invalidated_by = invalidated_by
        self._is_complete = is_complete
        self._size_of = size_of
        self._entries: SizedLru[str, CachedView[V]] = SizedLru(budget)
        self._loads: BatchLoader[str, CachedView[V] | None] = BatchLoader(self._load)

    def is_current(self, key: str, entry: CachedView[V]) -> bool:
        """Return True if no change of an entry since it was read is known."""
        tracker = self._tracker
        return entry.epoch == tracker.epoch and tracker.is_unchanged(
            entry.revision, key, self._invalidated_by
        )

    def get_fresh(self, key: str) -> CachedView[V] | None:
        """Return an entry that may be served without a read; None if there is none.

        Raises Unavailable if the views have been unavailable for too long.
        """
        entry = self._entries.get(key)
        if entry is None:
            return None
        if self._tracker.is_available:
            return entry if self.is_current(key, entry) or self._is_reusable(entry) else None
        if self._tracker.unavailable_seconds() > self._stale_if_error_seconds:
            raise Unavailable()
        return entry

    async def get(self, key: str) -> CachedView[V] | None:
        """Return a view, reading it if necessary; None if complete views do not have it.

        Raises Unavailable if that is not known, and Overloaded if it is not cached while reads are shed.
        """
        entry = self.get_fresh(key)
        if entry is not None:
            return entry
        if key not in self._entries and self._should_skip_reads():
            _rejected_reads.inc()
            raise Overloaded()
        try:
            entry = await self._loads.get(key)
        except Unavailable:
            entry = self._entries.get(key)
            if entry is None:
                raise
        if entry is None and not self._tracker.is_available:
            raise Unavailable()
        return entry

    def _is_reusable(self, entry: CachedView[V]) -> bool:
        """Return True if an entry is so young that it is served although it has changed."""
        reuse = MAX_REUSE_UNDER_PRESSURE_SECONDS if self._should_skip_reads() else MAX_REUSE_SECONDS
        return time.monotonic() < entry.read_at + reuse

    async def _load(self, keys: Sequence[str]) -> dict[str, CachedView[V] | None]:
        epoch, started = self._tracker.epoch, timestamps.monotonic_clock()
        version, views = await self._load_views(keys)
        if not self._tracker.is_same_generation(version):  # the views were replaced or emptied just now
            await self._tracker.poll()
        if epoch != self._tracker.epoch or not self._tracker.is_same_generation(version):
            epoch = NO_EPOCH
        return {key: self._store(key, views.get(key), epoch, version.revision, started) for key in keys}

    def _store(
        self, key: str, view: V | None, epoch: int, revision: int, read_at: MonotonicSeconds
    ) -> CachedView[V] | None:
        """Cache what was read and return the entry; while the views are unavailable, keep the previous entry."""
        previous = self._entries.get(key)
        if previous is not None and not self._tracker.is_available:
            return previous
        if view is None:
            self._entries.remove(key)
            return None
        epoch = epoch if self._is_complete(view) else NO_EPOCH
        entry = CachedView(next(_numbers), view, epoch, revision, read_at)
        self._entries.put(key, entry, self._size_of(view))
        return entry
