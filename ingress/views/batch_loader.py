"""Batched loading (the DataLoader pattern): equal keys share one load, and keys that arrive during it share the next."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from itertools import islice
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

#: Bound on the keys of one load: one slow round trip would delay all others.
MAX_KEYS_PER_LOAD = 64


class BatchLoader(Generic[K, V]):
    """Loads values by key, one batch at a time."""

    def __init__(self, load: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]]) -> None:
        """`load` returns a value for each of several keys."""
        self._load = load
        self._pending: dict[K, asyncio.Future[V]] = {}
        self._task: asyncio.Task[None] | None = None

    @property
    def pending_count(self) -> int:
        """Keys whose load has not ended."""
        return len(self._pending)

    async def get(self, key: K) -> V:
        """Return the value; raises what `load` raised for its batch."""
        value = self._pending.get(key)
        if value is None:
            value = self._pending[key] = asyncio.get_running_loop().create_future()
            value.add_done_callback(asyncio.Future.exception)  # its callers may have been cancelled by then
            if self._task is None:
                self._task = asyncio.ensure_future(self._run())
        return await asyncio.shield(value)

    async def _run(self) -> None:
        while self._pending:
            batch = dict(islice(self._pending.items(), MAX_KEYS_PER_LOAD))
            try:
                values = await self._load(list(batch))
            except Exception as error:
                for key, value in batch.items():
                    del self._pending[key]
                    value.set_exception(error)
            else:
                for key, value in batch.items():
                    del self._pending[key]
                    value.set_result(values[key])
        self._task = None
