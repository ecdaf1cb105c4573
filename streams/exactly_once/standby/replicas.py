"""Standby replicas: local copies of partitions that other workers own, kept close to the end of their changelogs.

A takeover replays what the local store is missing (rule 6). With a replica that is seconds old this is little,
however long the changelog is. A replica holds what a `read_committed` reader has seen from the first record to
some committed offset. So it is as good as the store that a former owner left behind, and passes the same checks.

A starting worker brings the replicas of all partitions up to date before it joins the group. The rebalance stops
all workers (in Faust it always does), but the replay is then already done.
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from streams.exactly_once.ports import LocalStore, LogTruncatedError, StateChanges
from streams.exactly_once.standby.assignment import assigned_standbys
from streams.exactly_once.topic_ids import TopicIds

log = logging.getLogger(__name__)

#: Between two refreshes of the replicas; a takeover replays at most what came since the last one.
REFRESH_INTERVAL_SECONDS = 5.0
#: How long a starting worker may catch up before it joins the group all the same.
CATCH_UP_TIMEOUT_SECONDS = 60.0


class Changelog(Protocol):
    """The committed changelog of one partition (a part of ports.TransactionalLog)."""

    async def topic_ids(self) -> TopicIds:
        """Return the ids that source and changelog have now."""

    def replay(self, offset: int) -> AsyncIterator[tuple[StateChanges, int]]:
        """Yield changes, and the offset to continue from."""


class GroupMembership(Protocol):
    """The members of the group, and the partitions that each owns."""

    async def owners(self) -> dict[str, set[int]]:
        """Return the partitions of each member, by the member's static name."""


async def catch_up(changelog: Changelog, store: LocalStore, log_identity: str) -> int:
    """Bring a closed store to the end of its changelog; return how many records that took."""
    identity = (await changelog.topic_ids()).store_identity(log_identity)
    await asyncio.to_thread(store.open, identity)
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


@dataclass
class StandbyReplicas:
    """Keeps this worker's replicas of the partitions of one source."""

    member: str  # this worker's static name in the group
    partitions: Sequence[int]  # all of the source
    replicas: int  # of each partition, in the group
    group: GroupMembership
    open_replica: Callable[[int], tuple[Changelog, LocalStore]]  # of a partition; the store is closed
    log_identity: str  # of the log that the stores must belong to
    _refreshing: "asyncio.Task[None] | None" = field(default=None, init=False)

    async def warm_up(self) -> None:
        """Bring every replica up to date before joining; give up after a timeout, since joining late is worse."""
        try:
            async with asyncio.timeout(CATCH_UP_TIMEOUT_SECONDS):
                for partition in self.partitions:
                    await self._refresh(partition)
        except Exception as error:  # what is missing is replayed by the takeover
            log.warning("standby replicas incomplete, joining the group: %r", error)

    def start(self, owned: Iterable[int]) -> None:
        """Start to refresh replicas, except of the partitions that this worker owns, whose stores are in use."""
        if self.replicas and self._refreshing is None:
            self._refreshing = asyncio.create_task(self._refresh_loop(set(owned)), name="standby replicas")

    async def stop(self) -> None:
        """Stop, and close every replica, so that a takeover can open its store."""
        refreshing, self._refreshing = self._refreshing, None
        if refreshing is not None:
            refreshing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await refreshing

    async def _refresh_loop(self, owned: set[int]) -> None:
        while True:
            await asyncio.sleep(REFRESH_INTERVAL_SECONDS * random.uniform(0.8, 1.2))
            try:
                by_member = await self.group.owners()
                owners = {partition: member for member, owns in by_member.items() for partition in owns}
                assigned = assigned_standbys(self.member, owners, by_member, self.partitions, self.replicas)
                for partition in sorted(assigned - owned):
                    await self._refresh(partition)
            except Exception as error:  # the next refresh is seconds away
                log.warning("standby replicas not refreshed: %r", error)

    async def _refresh(self, partition: int) -> None:
        changelog, store = self.open_replica(partition)
        records = await catch_up(changelog, store, self.log_identity)
        log.debug("standby replica of partition %d: %d records", partition, records)
