"""Faust's table manager, which fences before it recovers (rule 1)."""

import asyncio
import logging
from typing import Any, cast

from faust.tables import TableManager as FaustTableManager
from faust.types import TP, CollectionT

from schemas import metrics
from streams.exactly_once.transport import App, Consumer, source_partitions

log = logging.getLogger(__name__)


class TableManager(FaustTableManager):
    """Takes assigned partitions over, and only then lets messages flow."""

    _takeover: asyncio.Task[None] | None = None
    _ready: asyncio.Event

    def __init__(self, app: Any, **kwargs: Any) -> None:
        super().__init__(app, **kwargs)
        self._ready = asyncio.Event()

    def add(self, table: CollectionT) -> CollectionT:
        """Register a table; its changelog is no topic of Faust's."""
        if table.name in self:
            raise ValueError(f"there is a table {table.name!r} already")
        self[table.name] = table
        return table

    async def on_start(self) -> None:
        """Recover nothing yet: no partition has been assigned."""
        self._tables_finalized.set()
        self._tables_registered.set()

    async def on_stop(self) -> None:
        """End every transaction under way and close the stores."""
        if self._takeover is not None:
            self._takeover.cancel()
        app = cast(App, self.app)
        await app._fetcher.stop()
        await app.layer.close()

    def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Give a takeover up that is under way; transactions are waited for in `Consumer.wait_empty`."""
        metrics.ready.set(0)
        if self._takeover is not None:
            self._takeover.cancel()

    async def on_rebalance(
        self, assigned: set[TP], revoked: set[TP], newly_assigned: set[TP], generation_id: int = 0
    ) -> None:
        """Take the assigned partitions over, beside the group protocol, which must not wait for it."""
        self._recovery_started.set()
        self._takeover = asyncio.create_task(self._take_over(assigned, generation_id, self._takeover))

    async def wait_until_recovery_completed(self) -> bool:
        """Wait for the first takeover; returns True if the application stopped instead."""
        return bool(await self.wait_for_stopped(self._ready))

    async def _take_over(
        self, assigned: set[TP], generation_id: int, before: "asyncio.Task[None] | None"
    ) -> None:
        if before is not None:  # given up; its connections and stores must be let go first
            before.cancel()
            await asyncio.wait([before])
        app = cast(App, self.app)
        consumer = cast(Consumer, app.consumer)
        try:
            sources = source_partitions(app.layer, assigned)
            positions = await app.layer.take_over(sources, consumer.rewind, consumer.drained)
            if app.consumer_generation_id != generation_id:
                return  # another rebalance has begun, and will take over in its turn
            await app.on_rebalance_complete.send()
            consumer.resume_partitions(assigned)
            if others := assigned - sources:
                await consumer._thread.seek_to_committed()
                log.info("beside the sources: %s", others)
            for tp, position in positions.items():
                consumer.rewind(tp, position)
            app.layer.start(lambda error: asyncio.ensure_future(self.crash(error)))
            app.flow_control.resume()
            consumer.resume_flow()
            await app._fetcher.maybe_start()
            self.on_actives_ready()
            self.on_standbys_ready()
            app.on_rebalance_end()
            self._ready.set()
            log.info("processing %s", sorted(f"{tp.topic}-{tp.partition}@{p}" for tp, p in positions.items()))
        except Exception as error:
            log.exception("the takeover failed")
            await self.crash(error)
