"""Standbys: who keeps which copy, and that a copy is as good as the store that its worker left behind."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.exactly_once import standby
from streams.exactly_once.duty import duty
from streams.exactly_once.ports import Changes, LogTruncatedError
from streams.exactly_once.standby import Standbys, catch_up
from tests.waiting import eventually

NAMES = st.sets(st.sampled_from([f"streams-{number}" for number in range(1, 9)]), min_size=1)
PARTITIONS = range(8)


@given(NAMES, st.data(), st.integers(0, 3))
def test_each_partition_has_its_copies_and_none_with_its_owner(
    members: set[str], data: st.DataObject, replicas: int
) -> None:
    owners = {p: data.draw(st.sampled_from(sorted(members))) for p in PARTITIONS}
    duties = {member: duty(member, owners, members, PARTITIONS, replicas) for member in members}
    for partition in PARTITIONS:
        copies = [member for member, had in duties.items() if partition in had]
        assert len(copies) == min(replicas, len(members) - 1) and owners[partition] not in copies


@given(NAMES, st.integers(1, 3))
def test_when_a_member_leaves_only_its_own_copies_move(members: set[str], replicas: int) -> None:
    owners = dict.fromkeys(PARTITIONS, "somebody else")
    gone = min(members)
    for member in members - {gone}:
        before = duty(member, owners, members, PARTITIONS, replicas)
        after = duty(member, owners, members - {gone}, PARTITIONS, replicas)
        assert before <= after


class Store:
    """A store in memory that, as RocksDB does, lets only one have it open."""

    def __init__(self) -> None:
        self.held: dict[bytes, bytes | None] = {}
        self.offset = 0
        self.is_open = False

    def open(self, log_identity: str) -> bool:
        assert not self.is_open, "somebody else has it"
        self.is_open = True
        return True

    def close(self) -> None:
        self.is_open = False

    def wipe(self) -> None:
        self.held, self.offset = {}, 0

    @property
    def changelog_offset(self) -> int:
        return self.offset

    def apply(self, changes: Changes, changelog_offset: int) -> None:
        assert self.is_open
        self.held.update(changes)
        self.offset = changelog_offset


class Changelog:
    """Committed records, two at a time; `hangs`: a transaction is open at the end."""

    def __init__(self) -> None:
        self.records: list[tuple[bytes, bytes]] = []
        self.hangs = False

    async def replay(self, offset: int) -> AsyncIterator[tuple[Changes, int]]:
        if offset > len(self.records):
            raise LogTruncatedError("gone")
        while offset < len(self.records):
            some = self.records[offset : offset + 2]
            offset += len(some)
            yield dict(some), offset
        if self.hangs:
            await asyncio.Event().wait()


async def test_a_copy_goes_on_where_it_was_and_is_closed_again() -> None:
    log, store = Changelog(), Store()
    log.records = [(b"a", b"1"), (b"b", b"2"), (b"a", b"3")]
    assert await catch_up(log, store, "x") == 3  # type: ignore[arg-type]
    log.records.append((b"c", b"4"))
    assert await catch_up(log, store, "x") == 1  # type: ignore[arg-type]
    assert store.held == {b"a": b"3", b"b": b"2", b"c": b"4"} and not store.is_open
    log.records.clear()
    await catch_up(log, store, "x")  # type: ignore[arg-type]
    assert store.held == {} and store.offset == 0, "of another log"


class Group:
    """Two members; the other one has what this one has not."""

    def __init__(self) -> None:
        self.owned = {"me": {0}, "other": {1, 2}}

    async def owners(self) -> dict[str, set[int]]:
        return self.owned


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> tuple[dict[int, tuple[Changelog, Store]], Standbys]:
    monkeypatch.setattr(standby, "EVERY_SECONDS", 0.01)
    copies = {partition: (Changelog(), Store()) for partition in range(3)}
    for log, _ in copies.values():
        log.records.append((b"k", b"v"))
    kept = Standbys("me", range(3), 1, Group(), lambda p: copies[p], "x")  # type: ignore[arg-type, return-value]
    return copies, kept


async def test_who_starts_has_all_partitions_before_it_joins(
    parts: tuple[dict[int, tuple[Changelog, Store]], Standbys],
) -> None:
    copies, kept = parts
    await kept.warm_up()
    assert [store.offset for _, store in copies.values()] == [1, 1, 1]


async def test_who_cannot_catch_up_joins_as_it_is(
    parts: tuple[dict[int, tuple[Changelog, Store]], Standbys], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy is a convenience; a worker that never joins is none."""
    copies, kept = parts
    monkeypatch.setattr(standby, "CATCH_UP_SECONDS", 0.05)
    copies[1][0].hangs = True
    await kept.warm_up()
    assert not any(store.is_open for _, store in copies.values()) and copies[1][1].offset == 1


async def test_copies_are_kept_of_what_others_have_and_let_go_for_a_takeover(
    parts: tuple[dict[int, tuple[Changelog, Store]], Standbys],
) -> None:
    """A takeover opens the store: RocksDB gives it to one only."""
    copies, kept = parts
    kept.begin(owned=[0])
    await eventually(lambda: copies[1][1].offset == copies[2][1].offset == 1)
    assert copies[0][1].offset == 0, "its own is in use"
    copies[1][0].hangs = True
    copies[1][0].records.append((b"k", b"w"))
    await eventually(lambda: copies[1][1].offset == 2)
    assert copies[1][1].is_open
    await kept.release()
    assert not any(store.is_open for _, store in copies.values())
    kept.begin(owned=[1])
    await kept.release()
