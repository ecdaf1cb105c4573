"""The projector, over a fact log and a store in memory."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import msgspec
import pytest
from aiokafka.errors import KafkaConnectionError

from egress import projector, retrying
from egress.positions import Partition
from egress.projection import project
from egress.projector import Projector
from schemas import metrics, views
from schemas.facts import Watermark
from schemas.instants import to_text
from tests.egress.dict_store import DictStore, Hashes
from tests.egress.fake_dead_letters import FakeDeadLetters
from tests.egress.fake_fact_log import FakeFactLog
from tests.egress.stories import LIVES, PARTITION, Story


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten every wait."""
    monkeypatch.setattr(projector, "AIM_SECONDS", 0.0)
    monkeypatch.setattr(projector, "REPORT_SECONDS", 0.0)
    monkeypatch.setattr(retrying, "MOST_SECONDS", 0.001)


def story() -> Story:
    told = Story()
    for step in range(5):
        told.put_restaurant()
        told.put_item()
        told.put_promotion()
        told.order(step % 2 == 0, LIVES[step % len(LIVES)])
    return told


def logged(told: Story) -> FakeFactLog:
    log = FakeFactLog(PARTITION)
    for fact in told.facts:
        log.append(fact)
    return log


async def right(told: Story) -> Hashes:
    """Return the views of the story, without positions."""
    model = DictStore()
    await model.apply([write for fact in told.facts for write in project(fact, PARTITION)], [])
    return model.hashes


def only_views(store: DictStore) -> Hashes:
    return {k: v for k, v in store.hashes.items() if k not in (views.POSITIONS, views.WATERMARKS)}


@contextlib.asynccontextmanager
async def running(
    log: FakeFactLog, store: DictStore, dead: FakeDeadLetters | None = None
) -> AsyncIterator[None]:
    task = asyncio.ensure_future(Projector(log, store, dead or FakeDeadLetters()).run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0)


async def settled(log: FakeFactLog) -> None:
    """Return when everything was read and one more step was made."""
    await until(lambda: log.all_read)
    reads = log.reads
    await until(lambda: log.reads > reads + 1)


async def test_facts_become_views() -> None:
    """The main job."""
    told, store = story(), DictStore()
    log = logged(told)
    async with running(log, store):
        await settled(log)
    assert only_views(store) == await right(told)
    assert {p: len(r) for p, r in log.records.items()} == log.committed


async def test_a_projector_goes_on_where_the_last_one_was() -> None:
    """Only the views say where; what they hold is not projected again."""
    told, store = story(), DictStore()
    log = logged(told)
    async with running(log, store):
        await settled(log)
    log.records = {p: [(None, b"not read again", ()) for _ in records] for p, records in log.records.items()}
    dead = FakeDeadLetters()
    async with running(log, store, dead):
        await settled(log)
    assert not dead.letters
    assert only_views(store) == await right(told)


async def test_views_that_were_emptied_are_filled_again() -> None:
    """A view can be rebuilt from the first offset at any time: FLUSHALL, or a Redis that kept nothing."""
    told, store = story(), DictStore()
    log = logged(told)
    async with running(log, store):
        await settled(log)
        store.empty()
        await until(lambda: views.POSITIONS in store.hashes)
        await settled(log)
        assert only_views(store) == await right(told)


async def test_views_that_were_set_back_are_brought_forward() -> None:
    """A Redis that comes back with an older snapshot."""
    told, store = story(), DictStore()
    log = logged(told)
    async with running(log, store):
        await settled(log)
    old = {key: dict(fields) for key, fields in store.hashes.items()}
    more = story()
    for fact in more.facts:
        log.append(fact)
    async with running(log, store):
        await settled(log)
        store.hashes = old
        await until(lambda: store.hashes[views.POSITIONS]["order.created/5"] == b"10")
        await settled(log)
    model = DictStore()
    for fact in told.facts + more.facts:
        await model.apply(project(fact, PARTITION), [])
    assert only_views(store) == model.hashes


@pytest.mark.parametrize("late", [False, True])
async def test_a_store_that_fails_is_asked_until_it_answers(late: bool) -> None:
    """No fact is skipped, whether the failed call was done or not; meanwhile the process is not ready."""
    told, store = story(), DictStore()
    log = logged(told)
    store.failures, store.late = 50, late
    before = metrics.retries.labels("views")._value.get()
    async with running(log, store):
        await until(lambda: store.failures < 25)
        assert metrics.ready._value.get() == 0
        await settled(log)
        assert metrics.ready._value.get() == 1
    assert only_views(store) == await right(told)
    assert metrics.retries.labels("views")._value.get() == before + 50


async def test_a_rebalance_in_the_middle_loses_and_doubles_nothing() -> None:
    """What was read before it is dropped; reading goes on where the views are."""
    told, store = story(), DictStore()
    log = logged(told)
    log.batch = 1
    async with running(log, store):
        for _ in range(5):
            reads = log.reads
            await until(lambda reads=reads: log.reads > reads)  # type: ignore[misc]
            log.reassigned = True
        await settled(log)
    assert only_views(store) == await right(told)


POISON: list[tuple[bytes | None, bytes | None]] = [
    (b"r1", b"{"),
    (b"r1", b'{"order_id": 1}'),
    (b"r1", b"\xff"),
    (b"r1", b""),
    (b"r1", b"null"),
    (b"r1", b"[" * 10_000),
    (b"r1", None),
    (None, None),
]


def created(restaurant: str) -> bytes:
    told = Story()
    told.order(True)
    return msgspec.json.encode(msgspec.structs.replace(told.facts[0], restaurant_id=restaurant))


@pytest.mark.parametrize(
    ("key", "value"), [*POISON, (b"r2", created("r1")), (None, created("r1")), (b"r1", created("r2"))]
)
async def test_a_fact_that_cannot_be_read_is_set_aside_and_stops_nothing(
    key: bytes | None, value: bytes | None
) -> None:
    """A poison message must not break every later order; its bytes and the reason are kept."""
    told, store, dead = Story(), DictStore(), FakeDeadLetters()
    log = FakeFactLog(PARTITION)
    log.append_raw("order.created", value, key)
    told.order(confirmed=True)
    for fact in told.facts:
        log.append(fact)
    async with running(log, store, dead):
        await settled(log)
    assert only_views(store) == await right(told)
    ((record, reason, _),) = dead.letters
    assert (record.partition, record.offset) == (Partition("order.created", PARTITION), 0)
    assert (record.key, record.value, reason) == (key, value, "unreadable")


@pytest.mark.parametrize("value", [b"{", b'{"partition": 5, "as_of": "yesterday"}', None])
async def test_a_watermark_that_cannot_be_read_stops_nothing(value: bytes | None) -> None:
    """The next one comes in a second."""
    told, store = story(), DictStore()
    log = logged(told)
    log.append_raw("view.watermarks", value, b"5")
    log.append(Watermark(PARTITION, to_text(5000)))
    async with running(log, store):
        await until(lambda: views.WATERMARKS in store.hashes)
    assert store.hashes[views.WATERMARKS] == {"5": b"5000"}


async def test_the_position_does_not_pass_what_could_not_be_set_aside() -> None:
    """A dead letter is written before the position moves; else a crash would lose it."""
    store, dead, log = DictStore(), FakeDeadLetters(), FakeFactLog(PARTITION)
    log.append_raw("order.created", b"{")
    dead.failures = 1
    with pytest.raises(KafkaConnectionError):
        await Projector(log, store, dead).run()
    assert store.hashes[views.POSITIONS]["order.created/5"] == b"0"
    async with running(log, store, dead):
        await settled(log)
    assert store.hashes[views.POSITIONS]["order.created/5"] == b"1"
    assert [letter.record.offset for letter in dead.letters] == [0, 0], "once for each attempt"


async def test_readers_are_told_until_when_the_views_hold_all() -> None:
    """Contract: `as_of`; told only when all facts up to then are shown."""
    told, store = story(), DictStore()
    log = logged(told)
    log.append(Watermark(PARTITION, to_text(5000)))
    async with running(log, store):
        await until(lambda: views.WATERMARKS in store.hashes)
        assert log.all_read
    assert store.hashes[views.WATERMARKS] == {"5": b"5000"}


async def test_lag_is_shown_by_topic_and_partition() -> None:
    """Contract: `promo_consumer_lag{topic,partition,group}`."""
    log, store = logged(story()), DictStore()
    log.append(Watermark(PARTITION, to_text(5000)))
    async with running(log, store):
        await settled(log)
    lag = metrics.consumer_lag.labels("order.created", "5", "promo-egress")
    assert lag._value.get() >= 0
