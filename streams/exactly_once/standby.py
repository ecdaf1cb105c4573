"""Standbys: local copies of partitions that others have, kept near the end of their changelogs.

A takeover replays what is missing from the local store (rule 6); with a copy that is seconds old that is
next to nothing, however long the changelog is. A copy is what a `read_committed` reader has seen, from the
first record to some committed offset, so it is as good as a store that its own worker left behind, and is
checked in the same way. A worker that starts catches up with every partition before it joins the group:
the others stop for the join (Faust's rebalance stops all of them), not for the replay.
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Protocol

from streams.exactly_once.duty import duty
from streams.exactly_once.ports import Changes, LocalStore, LogTruncatedError

log = logging.getLogger(__name__)

#: Between two looks at the changelogs, in seconds: what a takeover has left to replay.
EVERY_SECONDS = 5.0
#: How long a worker that starts may catch up before it joins as it is.
CATCH_UP_SECONDS = 60.0


class Replay(Protocol):
    """Reads the committed changelog of one partition (ports.TransactionalLog.replay)."""

    def replay(self, offset: int) -> AsyncIterator[tuple[Changes, int]]:
        """Yield changes and the offset to go on from."""


class Group(Protocol):
    """Who is in the group, and what each owns."""

    async def owners(self) -> dict[str, set[int]]:
        """Return the partitions of each member, by the member's stable name."""


async def catch_up(changelog: Replay, store: LocalStore, log_identity: str) -> int:
    """Bring a store that nobody has open to the end of its changelog; returns how many records that took."""
    await asyncio.to_thread(store.open, log_identity)
    records = 0
    try:
        async for changes, offset in changelog.replay(store.changelog_offset):
            await asyncio.to_thread(store.apply, changes, offset)
            records += len(changes)
    except LogTruncatedError:
        await asyncio.to_thread(store.wipe)
    finally:
        store.close()
    return records


class Standbys:
    """Keeps this worker's copies, but for the partitions that it has itself."""

    def __init__(
        self,
        me: str,
        partitions: Iterable[int],
        replicas: int,
        group: Group,
        copy_of: Callable[[int], tuple[Replay, LocalStore]],
        log_identity: str,
    ) -> None:
        """Take this member's name, all partitions, the copies of each, and what a copy is made of."""
        self._me = me
        self._partitions = list(partitions)
        self._replicas = replicas
        self._group = group
        self._copy_of = copy_of
        self._log_identity = log_identity
        self._working: asyncio.Task[None] | None = None

    async def warm_up(self) -> None:
        """Catch up with every partition, before joining; gives up in time, since joining late is worse."""
        try:
            async with asyncio.timeout(CATCH_UP_SECONDS):
                for partition in self._partitions:
                    await self._refresh(partition)
        except Exception as error:  # what is missing is replayed when it is needed
            log.warning("joining before all copies are complete: %r", error)

    def begin(self, owned: Iterable[int]) -> None:
        """Keep copies from now on, but not of these partitions, whose stores are in use."""
        if self._replicas and self._working is None:
            self._working = asyncio.create_task(self._keep(set(owned)), name="standbys")

    async def release(self) -> None:
        """Let go of every copy: a takeover is to open their stores."""
        working, self._working = self._working, None
        if working is not None:
            working.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await working

    async def _keep(self, owned: set[int]) -> None:
        while True:
            await asyncio.sleep(EVERY_SECONDS * random.uniform(0.8, 1.2))
            try:
                by_member = await self._group.owners()
                owners = {partition: member for member, had in by_member.items() for partition in had}
                mine = duty(self._me, owners, by_member, self._partitions, self._replicas)
                for partition in sorted(mine - owned):
                    await self._refresh(partition)
            except Exception as error:  # the next look is seconds away
                log.warning("copies are not refreshed: %r", error)

    async def _refresh(self, partition: int) -> None:
        changelog, store = self._copy_of(partition)
        records = await catch_up(changelog, store, self._log_identity)
        log.debug("copy of partition %d: %d records", partition, records)
