"""The projector, over facts and a store in memory."""

import asyncio
from contextlib import AbstractAsyncContextManager

import msgspec
import pytest
from aiokafka.errors import KafkaConnectionError

from egress.kafka.records import Partition
from egress.projections.projection import project
from egress.projections.projector import CHECK_INTERVAL_SECONDS, Projector
from schemas import view_keys
from schemas.facts import Watermark
from schemas.timestamps import to_text
from tests.support.egress.dict_store import DictStore, Hashes
from tests.support.egress.fake_consumer import FakeFactConsumer
from tests.support.egress.fake_dead_letters import FakeDeadLetters
from tests.support.egress.metric_values import has_series, value
from tests.support.egress.running import running
from tests.support.egress.stories import LIVES, PARTITION, Story
from tests.support.virtual_clock import in_virtual_time
from tests.support.waiting import eventually

CREATED = Partition("order.created", PARTITION)
WATERMARKS = Partition("view.watermarks", PARTITION)


def a_story() -> Story:
    story = Story()
    for step in range(5):
        story.put_restaurant()
        story.put_item()
        story.put_promotion()
        story.order(step % 2 == 0, LIVES[step % len(LIVES)])
    return story


def facts_of(story: Story) -> FakeFactConsumer:
    facts = FakeFactConsumer(PARTITION)
    for fact in story.facts:
        facts.append_message(fact)
    return facts


async def expected(*stories: Story) -> Hashes:
    """Return the views of the stories, without positions."""
    model = DictStore()
    for story in stories:
        await model.apply([write for fact in story.facts for write in project(fact, PARTITION)], [])
    return model.hashes


def views(store: DictStore) -> Hashes:
    return {k: v for k, v in store.hashes.items() if k not in (view_keys.POSITIONS, view_keys.WATERMARKS)}


def projecting(
    facts: FakeFactConsumer, store: DictStore, dead_letters: FakeDeadLetters | None = None
) -> AbstractAsyncContextManager["asyncio.Task[None]"]:
    """Run a projector during the block."""
    return running(Projector(facts, store, dead_letters or FakeDeadLetters()).run())


async def until_projected(facts: FakeFactConsumer) -> None:
    """Return when every record was read and one more step was made."""
    await eventually(lambda: facts.is_all_read)
    reads = len(facts.reads)
    await eventually(lambda: len(facts.reads) > reads + 1)


@in_virtual_time
async def test_facts_become_views() -> None:
    """The main job."""
    story, store = a_story(), DictStore()
    facts = facts_of(story)
    async with projecting(facts, store):
        await until_projected(facts)
        await asyncio.sleep(2 * CHECK_INTERVAL_SECONDS)
    assert views(store) == await expected(story)
    assert {at: len(records) for at, records in facts.records.items()} == facts.committed


@in_virtual_time
async def test_begins_at_view_positions() -> None:
    """Only the views say where to begin; what they show is not projected again."""
    story, store = a_story(), DictStore()
    facts = facts_of(story)
    async with projecting(facts, store):
        await until_projected(facts)
    for records in facts.records.values():
        records[:] = [msgspec.structs.replace(record, value=b"not read again") for record in records]
    dead_letters = FakeDeadLetters()
    async with projecting(facts, store, dead_letters):
        await until_projected(facts)
    assert not dead_letters.letters
    assert views(store) == await expected(story)


@in_virtual_time
async def test_orders_that_nobody_can_read_are_not_projected_again() -> None:
    """Years of facts would be read for views that expire at once. Menus need all of theirs, however old they are."""
    facts, store, dead_letters = FakeFactConsumer(PARTITION), DictStore(), FakeDeadLetters()
    for at in facts.records:
        facts.append(at, b"an old record")
    facts.expired = 1
    async with projecting(facts, store, dead_letters):
        await until_projected(facts)
    read = {letter.record.partition.topic for letter in dead_letters.letters}
    assert read - {"view.watermarks"} == {
        "catalog.changed",
        "stock.reserved",
        "stock.released",
        "portions.moved",
    }


@in_virtual_time
async def test_views_of_other_topics_are_discarded() -> None:
    """Kafka was set up again, Redis was not: what the views show has never happened there."""
    old, new, store = a_story(), Story(), DictStore()
    async with projecting(facts := facts_of(old), store):
        await until_projected(facts)
    new.put_restaurant()
    async with projecting(facts := facts_of(new), store):
        await until_projected(facts)
    assert views(store) == await expected(new)


@in_virtual_time
async def test_emptied_views_are_filled_again() -> None:
    """FLUSHALL, or a Redis that kept nothing: views can be rebuilt from the first offset at any time."""
    story, store = a_story(), DictStore()
    facts = facts_of(story)
    async with projecting(facts, store):
        await until_projected(facts)
        store.empty()
        await eventually(lambda: view_keys.POSITIONS in store.hashes)
        await until_projected(facts)
        assert views(store) == await expected(story)


@in_virtual_time
async def test_views_that_were_set_back_catch_up() -> None:
    """A Redis that comes back with an older snapshot."""
    story, store = a_story(), DictStore()
    facts = facts_of(story)
    async with projecting(facts, store):
        await until_projected(facts)
    snapshot = {key: dict(fields) for key, fields in store.hashes.items()}
    more = a_story()
    for fact in more.facts:
        facts.append_message(fact)
    async with projecting(facts, store):
        await until_projected(facts)
        store.hashes = snapshot
        await eventually(lambda: store.hashes[view_keys.POSITIONS][CREATED.field] == b"10")
        await until_projected(facts)
    assert views(store) == await expected(story, more)


@pytest.mark.parametrize("late", [False, True])
@in_virtual_time
async def test_failing_store_is_retried(late: bool) -> None:
    """No fact is skipped, whether the failed call had acted or not. In the meantime the process is not ready."""
    story, store = a_story(), DictStore()
    facts = facts_of(story)
    store.failures, store.late = 50, late
    before = value("promo_retries_total", name="views")
    async with projecting(facts, store):
        await eventually(lambda: store.failures < 25, seconds=100)
        assert value("promo_ready") == 0
        await eventually(lambda: store.failures == 0, seconds=100)
        await until_projected(facts)
        assert value("promo_ready") == 1
    assert views(store) == await expected(story)
    assert value("promo_retries_total", name="views") == before + 50


@in_virtual_time
async def test_rebalance_loses_and_repeats_nothing() -> None:
    """What was read before a rebalance is dropped; reading goes on at the positions of the views."""
    story, store = a_story(), DictStore()
    facts = facts_of(story)
    facts.batch = 1
    async with projecting(facts, store):
        for _ in range(5):
            reads = len(facts.reads)
            await eventually(lambda reads=reads: len(facts.reads) > reads)  # type: ignore[misc]
            facts.is_reassigned = True
        await until_projected(facts)
    assert views(store) == await expected(story)


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
    story = Story()
    story.order(True)
    return msgspec.json.encode(msgspec.structs.replace(story.facts[0], restaurant_id=restaurant))


@pytest.mark.parametrize(
    ("key", "poison"), [*POISON, (b"r2", created("r1")), (None, created("r1")), (b"r1", created("r2"))]
)
@in_virtual_time
async def test_unreadable_fact_is_set_aside(key: bytes | None, poison: bytes | None) -> None:
    """It must not stop the facts behind it; its bytes and the reason are kept."""
    story, store, dead_letters = Story(), DictStore(), FakeDeadLetters()
    facts = FakeFactConsumer(PARTITION)
    facts.append(CREATED, poison, key)
    story.order(confirmed=True)
    for fact in story.facts:
        facts.append_message(fact)
    async with projecting(facts, store, dead_letters):
        await until_projected(facts)
    assert views(store) == await expected(story)
    ((record, reason, _),) = dead_letters.letters
    assert (record.partition, record.offset) == (CREATED, 0)
    assert (record.key, record.value, reason) == (key, poison, "unreadable")


@pytest.mark.parametrize(
    "poison",
    [b"{", b'{"partition": 5, "as_of": "yesterday"}', b'{"partition": 5, "as_of": "2026-01-01"}', None],
)
@in_virtual_time
async def test_unreadable_watermark_stops_nothing(poison: bytes | None) -> None:
    """The next one comes in a second."""
    story, store = a_story(), DictStore()
    facts = facts_of(story)
    facts.append(WATERMARKS, poison, b"5")
    facts.append_message(Watermark(PARTITION, to_text(5000)))
    async with projecting(facts, store):
        await eventually(lambda: view_keys.WATERMARKS in store.hashes)
    assert store.hashes[view_keys.WATERMARKS] == {"5": b"5000"}


@in_virtual_time
async def test_dead_letter_precedes_the_position() -> None:
    """A dead letter is written before the position moves; else a crash would lose it."""
    store, dead_letters, facts = DictStore(), FakeDeadLetters(), FakeFactConsumer(PARTITION)
    facts.append(CREATED, b"{")
    dead_letters.failures = 1
    with pytest.raises(KafkaConnectionError):
        await Projector(facts, store, dead_letters).run()
    assert store.hashes[view_keys.POSITIONS][CREATED.field] == b"0"
    async with projecting(facts, store, dead_letters):
        await until_projected(facts)
    assert store.hashes[view_keys.POSITIONS][CREATED.field] == b"1"
    assert [letter.record.offset for letter in dead_letters.letters] == [0, 0], "once for each attempt"


@in_virtual_time
async def test_watermark_is_published_when_reached() -> None:
    """Contract: `as_of`. Readers see it only when every fact before it is shown."""
    story, store = a_story(), DictStore()
    facts = facts_of(story)
    facts.append_message(Watermark(PARTITION, to_text(5000)))
    async with projecting(facts, store):
        await eventually(lambda: view_keys.WATERMARKS in store.hashes)
        assert facts.is_all_read
    assert store.hashes[view_keys.WATERMARKS] == {"5": b"5000"}


@in_virtual_time
async def test_unknown_ends_delay_the_watermark(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that does not answer must not stop the projection; the watermark follows when it does."""
    story, store = a_story(), DictStore()
    facts = facts_of(story)
    facts.append_message(Watermark(PARTITION, to_text(5000)))
    ends, failures = facts.ends, [KafkaConnectionError(), TimeoutError()]

    async def fail_at_first(partitions: list[Partition]) -> dict[Partition, int]:
        if failures:
            raise failures.pop()
        return await ends(partitions)

    monkeypatch.setattr(facts, "ends", fail_at_first)
    async with projecting(facts, store):
        await eventually(lambda: view_keys.WATERMARKS in store.hashes)
    assert not failures and views(store) == await expected(story)


@in_virtual_time
async def test_lag_is_shown() -> None:
    """Contract: `promo_consumer_lag{topic,partition,group}`."""
    facts, store = facts_of(a_story()), DictStore()
    facts.append_message(Watermark(PARTITION, to_text(5000)))
    async with projecting(facts, store):
        await until_projected(facts)
    assert has_series("promo_consumer_lag", topic="order.created", partition="5", group="promo-egress")
