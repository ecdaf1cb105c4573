"""Faust's table manager, which fences source partitions before it recovers them (rule 1).

Faust calls it at three points of a rebalance: `on_partitions_revoked`, `on_rebalance`, and, from the
application's start, `wait_until_recovery_completed`. Each override names the behaviour of faust-streaming 0.15
that it depends on.
"""

import asyncio
import logging
from typing import Any, cast

from faust.tables import TableManager as FaustTableManager
from faust.types import TP, CollectionT

from schemas import metrics
from streams.exactly_once.transport import App, Consumer, source_partitions

log = logging.getLogger(__name__)


class TableManager(FaustTableManager):
    """Takes over the assigned partitions, and only then lets messages flow."""

    _takeover: asyncio.Task[None] | None = None
    _ready: asyncio.Event

    def __init__(self, app: Any, **kwargs: Any) -> None:
        super().__init__(app, **kwargs)
        self._ready = asyncio.Event()

    def add(self, table: CollectionT) -> CollectionT:
        """Faust would create a changelog topic of its own for each table; the runtime has one for all."""
        if table.name in self:
            raise ValueError(f"there is a table {table.name!r} already")
        self[table.name] = table
        return table

    async def on_start(self) -> None:
        """Faust would start its recovery service here, and waits for these two events before it subscribes."""
        self._tables_finalized.set()
        self._tables_registered.set()

    async def on_stop(self) -> None:
        """Finish every transaction and close the stores; as in Faust, the fetcher must stop first."""
        if self._takeover is not None:
            self._takeover.cancel()
        app = cast(App, self.app)
        await app._fetcher.stop()
        await app.runtime.close()

    def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Cancel a takeover that is not complete. Faust then awaits `Consumer.wait_empty` for transactions."""
        metrics.ready.set(0)
        if self._takeover is not None:
            self._takeover.cancel()

    async def on_rebalance(
        self, assigned: set[TP], revoked: set[TP], newly_assigned: set[TP], generation_id: int = 0
    ) -> None:
        """Start the takeover in a task: Faust awaits this in the group protocol, and the session would time out."""
        self._recovery_started.set()
        self._takeover = asyncio.create_task(self._take_over(assigned, generation_id, self._takeover))

    async def wait_until_recovery_completed(self) -> bool:
        """Wait for the first takeover; return True if the application stopped instead."""
        return bool(await self.wait_for_stopped(self._ready))

    async def _take_over(
        self, assigned: set[TP], generation_id: int, cancelled: "asyncio.Task[None] | None"
    ) -> None:
        """Recover the partitions, then do what Faust's recovery service does at its end, in its order."""
        if cancelled is not None:  # it must have closed its connections and stores
            cancelled.cancel()
            await asyncio.wait([cancelled])
        app = cast(App, self.app)
        consumer = cast(Consumer, app.consumer)
        try:
            sources = source_partitions(app.runtime, assigned)
            positions = await app.runtime.take_over(sources, consumer.rewind, consumer.resume_fetching)
            if app.consumer_generation_id != generation_id:
                return  # another rebalance has started, and takes over in its turn
            await app.on_rebalance_complete.send()
            consumer.resume_partitions(assigned)
            if others := assigned - sources:
                await consumer._thread.seek_to_committed()
                log.info("partitions outside the runtime: %s", others)
            for tp, position in positions.items():
                consumer.rewind(tp, position)
            app.runtime.start(lambda error: asyncio.ensure_future(self.crash(error)))
            app.flow_control.resume()
            consumer.resume_flow()
            await app._fetcher.maybe_start()
            self.on_actives_ready()
            self.on_standbys_ready()
            app.on_rebalance_end()
            self._ready.set()
            log.info("processing %s", sorted(f"{tp.topic}-{tp.partition}@{p}" for tp, p in positions.items()))
        except Exception as error:
            log.exception("takeover failed")
            await self.crash(error)
