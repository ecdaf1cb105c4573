"""Batched loading: who asks for the same at once shares one load, and what is asked for meanwhile goes together."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from itertools import islice
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

#: Most keys of one load.
MOST = 64


class Batched(Generic[K, V]):
    """Loads by key, one batch at a time: a key is either being loaded, or waits for the next batch."""

    def __init__(self, load: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]]) -> None:
        """Take what loads several keys in one go; it returns a value for each."""
        self._load = load
        self._asked: dict[K, asyncio.Future[V]] = {}
        self._working: asyncio.Task[None] | None = None

    async def get(self, key: K) -> V:
        """Return the value; raises what loading raised."""
        asked = self._asked.get(key)
        if asked is None:
            asked = self._asked[key] = asyncio.get_running_loop().create_future()
            asked.add_done_callback(asyncio.Future.exception)  # whoever asked may be gone by then
            if self._working is None:
                self._working = asyncio.ensure_future(self._work())
        return await asyncio.shield(asked)

    async def _work(self) -> None:
        while self._asked:
            batch = dict(islice(self._asked.items(), MOST))
            try:
                values = await self._load(list(batch))
            except Exception as error:
                for key, asked in batch.items():
                    del self._asked[key]
                    asked.set_exception(error)
            else:
                for key, asked in batch.items():
                    del self._asked[key]
                    asked.set_result(values[key])
        self._working = None
