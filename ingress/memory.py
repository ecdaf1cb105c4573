"""The memory of what was read: good until the watch hears of a change, and a while longer when Redis is away."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

from ingress.batched import Batched
from ingress.problems import Unavailable
from ingress.views import Reading
from ingress.watch import NEVER, Watch

V = TypeVar("V")

#: How long what was read is good for even when it has changed, in seconds: what changes with every
#: order need not be read with every order.
REUSE_SECONDS = 0.15
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

    def __init__(self, read: Read[V], watch: Watch, unwell_seconds: float, also: str = "") -> None:
        """Take what reads views, and for how long they are shown from memory when Redis is away.

        `also` is a key whose change makes all of these views old.
        """
        self._read = read
        self._watch = watch
        self._unwell_seconds = unwell_seconds
        self._also = also
        self._held: dict[str, Held[V]] = {}
        self._loads: Batched[str, Held[V] | None] = Batched(self._load)

    def is_current(self, key: str, held: Held[V]) -> bool:
        """Say whether a view has not changed since it was read, as far as is known."""
        return self._watch.is_current(held.epoch, held.revision, key, self._also)

    async def get(self, key: str) -> Held[V] | None:
        """Return a view; None where there is none. Raises Unavailable where that cannot be said."""
        held = self._held.get(key)
        if held is None:
            held = await self._loads.get(key)
            if held is None and not self._watch.well:
                raise Unavailable()
            return held
        if self._watch.well:
            if self.is_current(key, held) or time.monotonic() < held.read_at + REUSE_SECONDS:
                return held
            try:
                return await self._loads.get(key)
            except Unavailable:
                return held
        if self._watch.unwell_seconds() > self._unwell_seconds:
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
            held = None if view is None else Held(view, epoch, revision)
        if held is not None:
            if len(self._held) >= MOST:
                del self._held[next(iter(self._held))]
            self._held[key] = held
        return held
