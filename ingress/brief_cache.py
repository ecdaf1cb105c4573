"""A brief cache: what many ask for at once is loaded once, and kept for a fraction of a second."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class BriefCache(Generic[K, V]):
    """Loads by key; a failure is kept as long as a value, so that a part that is down is not hammered."""

    def __init__(self, load: Callable[[K], Awaitable[V]], seconds: float, most: int = 4096) -> None:
        """Take what loads, how long to keep it, and how many to keep at most."""
        self._load = load
        self._seconds = seconds
        self._most = most
        self._entries: dict[K, tuple[float, asyncio.Future[V]]] = {}

    async def get(self, key: K) -> V:
        """Return the value; raises what loading raised."""
        now = asyncio.get_running_loop().time()
        entry = self._entries.get(key)
        if entry is None or (entry[0] < now and entry[1].done()):
            if len(self._entries) >= self._most:
                self._entries.clear()
            entry = (now + self._seconds, asyncio.ensure_future(self._load(key)))
            self._entries[key] = entry
        loading = entry[1]
        return loading.result() if loading.done() else await asyncio.shield(loading)
