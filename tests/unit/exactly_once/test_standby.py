"""Standby replicas: which worker keeps which, and that a replica is as good as a former owner's store."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.exactly_once.ports import LogTruncatedError, StateChanges
from streams.exactly_once.standby import replicas as standby_replicas
from streams.exactly_once.standby.assignment import assigned_standbys
from streams.exactly_once.standby.replicas import StandbyReplicas, catch_up
from streams.exactly_once.topic_ids import TopicIds
from tests.support.waiting import eventually

NAMES = st.sets(st.sampled_from([f"streams-{number}" for number in range(1, 9)]), min_size=1)
PARTITIONS = range(8)


@given(NAMES, st.data(), st.integers(0, 3))
def test_a_partition_has_its_replicas_but_none_at_its_owner(
    members: set[str], data: st.DataObject, replicas: int
) -> None:
    owners = {p: data.draw(st.sampled_from(sorted(members))) for p in PARTITIONS}
    assigned = {
        member: assigned_standbys(member, owners, members, PARTITIONS, replicas) for member in members
    }
    for partition in PARTITIONS:
        keepers = [member for member, partitions in assigned.items() if partition in partitions]
        assert len(keepers) == min(replicas, len(members) - 1) and owners[partition] not in keepers


@given(NAMES, st.integers(1, 3))
def test_if_a_member_leaves_only_its_replicas_move(members: set[str], replicas: int) -> None:
    owners = dict.fromkeys(PARTITIONS, "another")
    gone = min(members)
    for member in members - {gone}:
        before = assigned_standbys(member, owners, members, PARTITIONS, replicas)
        after = assigned_standbys(member, owners, members - {gone}, PARTITIONS, replicas)
        assert before <= after


class FakeStore:
    """A store in memory that can be opened only once at a time, like RocksDB."""

    def __init__(self) -> None:
        self.data: dict[bytes, bytes | None] = {}
        self.offset = 0
        self.is_open = False

    def open(self, log_identity: str) -> bool:
        assert not self.is_open, "open elsewhere"
        self.is_open = True
        return True

    def close(self) -> None:
        self.is_open = False

    def wipe(self) -> None:
        self.data, self.offset = {}, 0

    @property
    def changelog_offset(self) -> int:
        return self.offset

    def apply(self, changes: StateChanges, changelog_offset: int) -> None:
        assert self.is_open
        self.data.update(changes)
        self.offset = changelog_offset


class FakeChangelog:
    """Committed records, two at a time; `hangs`: a transaction is open at the end."""

    def __init__(self) -> None:
        self.records: list[tuple[bytes, bytes]] = []
        self.hangs = False

    async def topic_ids(self) -> TopicIds:
        return TopicIds()

    async def replay(self, offset: int) -> AsyncIterator[tuple[StateChanges, int]]:
        if offset > len(self.records):
            raise LogTruncatedError("gone")
        while offset < len(self.records):
            some = self.records[offset : offset + 2]
            offset += len(some)
            yield dict(some), offset
        if self.hangs:
            await asyncio.Event().wait()


async def test_a_replica_continues_from_its_offset_and_is_closed() -> None:
    log, store = FakeChangelog(), FakeStore()
    log.records = [(b"a", b"1"), (b"b", b"2"), (b"a", b"3")]
    assert await catch_up(log, store, "x") == 3  # type: ignore[arg-type]
    log.records.append((b"c", b"4"))
    assert await catch_up(log, store, "x") == 1  # type: ignore[arg-type]
    assert store.data == {b"a": b"3", b"b": b"2", b"c": b"4"} and not store.is_open
    log.records.clear()
    await catch_up(log, store, "x")  # type: ignore[arg-type]
    assert store.data == {} and store.offset == 0, "of another log"


class FakeGroup:
    """Two members; the other one owns the partitions that this one does not."""

    def __init__(self) -> None:
        self.owned = {"me": {0}, "other": {1, 2}}

    async def owners(self) -> dict[str, set[int]]:
        return self.owned


@pytest.fixture
def parts(
    monkeypatch: pytest.MonkeyPatch,
) -> tuple[dict[int, tuple[FakeChangelog, FakeStore]], StandbyReplicas]:
    monkeypatch.setattr(standby_replicas, "REFRESH_INTERVAL_SECONDS", 0.01)
    replicas = {partition: (FakeChangelog(), FakeStore()) for partition in range(3)}
    for log, _ in replicas.values():
        log.records.append((b"k", b"v"))
    standbys = StandbyReplicas("me", range(3), 1, FakeGroup(), lambda p: replicas[p], "x")  # type: ignore[arg-type, return-value]
    return replicas, standbys


async def test_a_starting_worker_catches_up_before_it_joins(
    parts: tuple[dict[int, tuple[FakeChangelog, FakeStore]], StandbyReplicas],
) -> None:
    replicas, standbys = parts
    await standbys.warm_up()
    assert [store.offset for _, store in replicas.values()] == [1, 1, 1]


async def test_a_worker_that_cannot_catch_up_joins_all_the_same(
    parts: tuple[dict[int, tuple[FakeChangelog, FakeStore]], StandbyReplicas], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A replica saves time; a worker that never joins does not."""
    replicas, standbys = parts
    monkeypatch.setattr(standby_replicas, "CATCH_UP_TIMEOUT_SECONDS", 0.5)
    replicas[1][0].hangs = True
    await standbys.warm_up()
    assert not any(store.is_open for _, store in replicas.values()) and replicas[1][1].offset == 1


async def test_replicas_are_refreshed_and_closed_for_a_takeover(
    parts: tuple[dict[int, tuple[FakeChangelog, FakeStore]], StandbyReplicas],
) -> None:
    """A takeover opens the store, which RocksDB allows only once."""
    replicas, standbys = parts
    standbys.start(owned=[0])
    await eventually(lambda: replicas[1][1].offset == replicas[2][1].offset == 1)
    assert replicas[0][1].offset == 0, "its own is in use"
    replicas[1][0].hangs = True
    replicas[1][0].records.append((b"k", b"w"))
    await eventually(lambda: replicas[1][1].offset == 2)
    assert replicas[1][1].is_open
    await standbys.stop()
    assert not any(store.is_open for _, store in replicas.values())
    standbys.start(owned=[1])
    await standbys.stop()
