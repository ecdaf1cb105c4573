"""Setting aside, on a real broker: what egress cannot read keeps its bytes, and is counted."""

import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest
from aiokafka import AIOKafkaProducer

from egress import generations, redis_store
from egress.dead_letters import DeadLetter
from egress.dlq import kafka_shelf
from egress.dlq.shelf import Entry
from egress.fact_log import Record
from egress.positions import Partition
from schemas import codec, views
from schemas.topics import DEAD_LETTER_TOPICS, FACT_TOPICS
from tests.egress.letters import CREATED, WHY, a_letter, fresh_offset, run, shelved, written
from tests.egress.process import Egress
from tests.egress.stories import Story
from tests.waiting import eventually


@pytest.fixture
async def producer(broker: str) -> AsyncIterator[AIOKafkaProducer]:
    """Writes whatever it is told to."""
    producer = AIOKafkaProducer(bootstrap_servers=broker, enable_idempotence=True, acks="all")
    await producer.start()
    yield producer
    await producer.stop()


async def test_a_dead_letter_keeps_its_bytes_key_and_headers(broker: str) -> None:
    """Contract: the original bytes, key and headers, plus why, from where, and after how many attempts."""
    key = uuid4().hex.encode()
    letter = a_letter(
        CREATED, b"\xff\x00{", key, fresh_offset(), ("event-id", b"1"), ("x", b"\xfe"), ("x", b"2")
    )
    (place,) = await shelved(broker, letter)
    (record,) = await written(broker, f"{CREATED}.dlq", key)
    assert (record.value, record.partition) == (b"\xff\x00{", 3)
    assert list(record.headers) == [
        ("event-id", b"1"),
        ("x", b"\xfe"),
        ("x", b"2"),
        ("dlq-reason", b"unreadable"),
        ("dlq-error", b"UnreadableError: told to be unreadable"),
        ("dlq-topic", CREATED.encode()),
        ("dlq-partition", b"3"),
        ("dlq-offset", b"%d" % place.offset),
        ("dlq-attempts", b"1"),
    ]


@pytest.mark.parametrize(
    ("key", "value"),
    [(None, None), (None, b"x"), (b"", b""), (b"long", b"x" * 1_048_000), (b"k" * 5_000, None)],
)
async def test_whatever_a_record_is_it_can_be_set_aside(
    broker: str, key: bytes | None, value: bytes | None
) -> None:
    """What cannot be set aside would stop its partition for ever: no key, no value, as long as the broker takes."""
    (place,) = await shelved(broker, a_letter(CREATED, value, key, fresh_offset()))
    entry = (await kafka_shelf.read(broker, [CREATED])).entries[place]
    assert (entry.key, entry.value) == (key, value)
    code, said = await run(broker, "redrive", *place)
    assert (code, said) == (0, "redriven")


async def test_a_record_that_dies_again_has_one_attempt_more(broker: str) -> None:
    """Whoever looks sees that putting it back did not help."""
    key = uuid4().hex.encode()
    (place,) = await shelved(broker, a_letter(CREATED, b"{", key, fresh_offset()))
    await run(broker, "redrive", *place)
    (back,) = await written(broker, CREATED, key)
    again = Record(Partition(CREATED, 3), back.offset, back.value, back.key, back.headers, 0)
    (place,) = await shelved(broker, DeadLetter(again, "unreadable", WHY))
    entry = (await kafka_shelf.read(broker, [CREATED])).entries[place]
    assert entry.attempts == b"2" and entry.headers == []


async def test_egress_sets_aside_what_it_cannot_read_and_counts_what_waits(
    broker: str, redis_url: str, tmp_path: Path, producer: AIOKafkaProducer
) -> None:
    """Poison on every fact topic and on the payment requests; a good fact behind it is shown; the depth is exact."""
    story, restaurant = Story(), f"r-{uuid4().hex[:8]}"
    story.put_restaurant()
    good = msgspec.structs.replace(story.facts[0], restaurant_id=restaurant)
    names = [*(topic.name for topic in FACT_TOPICS.values()), "payment.requests"]
    egress = Egress(tmp_path, broker, redis_url, provider_url="http://127.0.0.1:1")

    async def waiting() -> list[Entry]:
        return (await kafka_shelf.read(broker, DEAD_LETTER_TOPICS)).waiting()

    async def counted(ours: int) -> bool:
        """Say whether so many of ours wait, and egress shows how many there are of each topic."""
        found = await waiting()
        depths = Counter(entry.place.topic for entry in found)
        shown = {name: egress.metric(f'promo_dlq_depth{{topic="{name}"}}') for name in DEAD_LETTER_TOPICS}
        return sum(entry.key == restaurant.encode() for entry in found) == ours and shown == {
            name: depths[name] for name in DEAD_LETTER_TOPICS
        }

    try:
        for name in names:
            for value in (b"{", b'{"restaurant_id": 1}', None):
                await producer.send_and_wait(name, value, key=restaurant.encode(), partition=5)
        fact = codec.encode(good)
        await producer.send_and_wait("catalog.changed", fact, key=restaurant.encode(), partition=5)
        await eventually(lambda: counted(3 * len(names)), 20)
        async with contextlib.aclosing(redis_store.connect(redis_url)) as redis:
            current = await generations.current(redis)
            assert await redis.hget(views.inside(current, views.menu(restaurant)), views.RESTAURANT)
        for entry in await waiting():
            if entry.key == restaurant.encode():
                assert (await run(broker, "drop", *entry.place))[0] == 0
        await eventually(lambda: counted(0), 20)
    finally:
        egress.stop()
