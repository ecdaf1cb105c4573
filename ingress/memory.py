"""The memory of what was read: good until the watch hears of a change, and a while longer when Redis is away."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

from ingress.batched import Batched
from ingress.problems import Overloaded, Unavailable
from ingress.views import Reading
from ingress.watch import NEVER, Watch
from schemas import metrics

V = TypeVar("V")
_read = metrics.turned_away.labels("read")

#: How long what was read is good for even when it has changed, in seconds: what changes with every
#: order need not be read with every order.
REUSE_SECONDS = 0.15
#: The same while reads are spared, under pressure (README, Under pressure).
SPARING_SECONDS = 1.0
#: Views kept; the one that was read longest ago goes first.
MOST = 4096

Read = Callable[[Sequence[str]], Awaitable[tuple[Reading, Mapping[str, V]]]]


class Held(Generic[V]):
    """A view, and when and where in the history of the views it was read."""

    __slots__ = ("epoch", "read_at", "revision", "view")

    def __init__(self, view: V, epoch: int, revision: int) -> None:
        """Take the view as it was just read."""
        self.view = view
        self.epoch = epoch
        self.revision = revision
        self.read_at = time.monotonic()


class Memory(Generic[V]):
    """Keeps views by their keys."""

    def __init__(
        self,
        read: Read[V],
        watch: Watch,
        unwell_seconds: float,
        spares: Callable[[], bool] = lambda: False,
        also: str = "",
        is_whole: Callable[[V], bool] = lambda view: True,
    ) -> None:
        """Take what reads views, for how long they are shown from memory when Redis is away, whether reads are spared.

        `also` is a key whose change makes all of these views old; what is not whole is read again, changed or not.
        """
        self._read = read
        self._watch = watch
        self._unwell_seconds = unwell_seconds
        self._spares = spares
        self._also = also
        self._is_whole = is_whole
        self._held: dict[str, Held[V]] = {}
        self._loads: Batched[str, Held[V] | None] = Batched(self._load)

    def is_current(self, key: str, held: Held[V]) -> bool:
        """Say whether a view has not changed since it was read, as far as is known."""
        return self._watch.is_current(held.epoch, held.revision, key, self._also)

    def at_hand(self, key: str) -> Held[V] | None:
        """Return a view that need not be read; None where there is none. Raises Unavailable when it may not be shown."""
        held = self._held.get(key)
        if held is None:
            return None
        if self._watch.well:
            if self.is_current(key, held):
                return held
            reuse = SPARING_SECONDS if self._spares() else REUSE_SECONDS
            return held if time.monotonic() < held.read_at + reuse else None
        if self._watch.unwell_seconds() > self._unwell_seconds:
            raise Unavailable()
        return held

    async def get(self, key: str) -> Held[V] | None:
        """Return a view; None where there is none. Raises Unavailable where that cannot be said, and Overloaded."""
        held = self.at_hand(key)
        if held is not None:
            return held
        if key not in self._held and self._spares():
            _read.inc()
            raise Overloaded()
        try:
            held = await self._loads.get(key)
        except Unavailable:
            held = self._held.get(key)
            if held is None:
                raise
        if held is None and not self._watch.well:
            raise Unavailable()
        return held

    async def _load(self, keys: Sequence[str]) -> dict[str, Held[V] | None]:
        epoch = self._watch.epoch
        reading, views = await self._read(keys)
        if not self._watch.knows(reading):  # the views were replaced, or emptied, just now
            await self._watch.ask()
        if epoch != self._watch.epoch or not self._watch.knows(reading):
            epoch = NEVER
        return {key: self._renew(key, views.get(key), epoch, reading.revision) for key in keys}

    def _renew(self, key: str, view: V | None, epoch: int, revision: int) -> Held[V] | None:
        """Hold what was read; views that are not complete take nothing away from what was held before."""
        old = self._held.pop(key, None)
        if old is not None and not self._watch.well:
            held: Held[V] | None = old
        else:
            held = None if view is None else Held(view, epoch if self._is_whole(view) else NEVER, revision)
        if held is not None:
            if len(self._held) >= MOST:
                del self._held[next(iter(self._held))]
            self._held[key] = held
        return held
