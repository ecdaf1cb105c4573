"""Dead letters on a real broker: a record that egress cannot read keeps its bytes, and is counted."""

import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest
from aiokafka import AIOKafkaProducer

from egress import redis_client
from egress.dlq import kafka_store
from egress.dlq.refunds import may_be_refund
from egress.dlq.store import DeadLetterEntry
from egress.kafka.dead_letters import DeadLetter
from egress.kafka.records import Partition, Record
from egress.projections import generations
from schemas import codec, view_keys
from schemas.kafka_connection import KafkaConnection
from schemas.runtime.kafka_clients import make_producer
from schemas.topics import DEAD_LETTER_TOPICS, FACT_TOPICS
from tests.support.egress.dlq_harness import (
    CREATED,
    ERROR,
    dead_letter,
    put,
    records_of_key,
    run,
    unused_offset,
)
from tests.support.egress.process import Egress
from tests.support.egress.stories import Story
from tests.support.waiting import eventually


@pytest.fixture
async def producer(connection: KafkaConnection) -> AsyncIterator[AIOKafkaProducer]:
    """Writes any bytes."""
    producer = make_producer(connection)
    await producer.start()
    yield producer
    await producer.stop()


async def test_original_is_kept(connection: KafkaConnection) -> None:
    """Contract: the original bytes, key and headers, plus why, from where, and after how many attempts."""
    key = uuid4().hex.encode()
    letter = dead_letter(
        CREATED, b"\xff\x00{", key, unused_offset(), ("event-id", b"1"), ("x", b"\xfe"), ("x", b"2")
    )
    (place,) = await put(connection, letter)
    (record,) = await records_of_key(connection, f"{CREATED}.dlq", key)
    assert (record.value, record.partition) == (b"\xff\x00{", 3)
    assert list(record.headers) == [
        ("event-id", b"1"),
        ("x", b"\xfe"),
        ("x", b"2"),
        ("dlq-reason", b"unreadable"),
        ("dlq-error", b"UnreadableError: a planned error"),
        ("dlq-topic", CREATED.encode()),
        ("dlq-partition", b"3"),
        ("dlq-offset", b"%d" % place.offset),
        ("dlq-attempts", b"1"),
    ]


@pytest.mark.parametrize(
    ("key", "value"),
    [(None, None), (None, b"x"), (b"", b""), (b"long", b"x" * 1_048_000), (b"k" * 5_000, None)],
)
async def test_any_record_fits(connection: KafkaConnection, key: bytes | None, value: bytes | None) -> None:
    """A record that could not be set aside would stop its partition: without key, without value, or very long."""
    (place,) = await put(connection, dead_letter(CREATED, value, key, unused_offset()))
    entry = (await kafka_store.load(connection, [CREATED])).entries[place]
    assert (entry.key, entry.value) == (key, value)
    assert await run(connection, "redrive", *place) == (0, "redriven")


async def test_attempts_are_counted(connection: KafkaConnection) -> None:
    """An operator sees that a redrive did not help."""
    key = uuid4().hex.encode()
    (place,) = await put(connection, dead_letter(CREATED, b"{", key, unused_offset()))
    await run(connection, "redrive", *place)
    (back,) = await records_of_key(connection, CREATED, key)
    again = Record(Partition(CREATED, 3), back.offset, back.value, back.key, back.headers)
    (place,) = await put(connection, DeadLetter(again, "unreadable", ERROR))
    entry = (await kafka_store.load(connection, [CREATED])).entries[place]
    assert entry.attempts == b"2" and entry.headers == []


async def test_process_sets_aside_and_counts(
    connection: KafkaConnection, redis_url: str, tmp_path: Path, producer: AIOKafkaProducer
) -> None:
    """Poison on every fact topic and on the payment requests; a good fact behind it is shown; the depth is exact."""
    story, restaurant = Story(), f"r-{uuid4().hex[:8]}"
    story.put_restaurant()
    good = msgspec.structs.replace(story.facts[0], restaurant_id=restaurant)
    names = [*(topic.name for topic in FACT_TOPICS.values()), "payment.requests"]
    egress = Egress(tmp_path, connection.bootstrap_servers, redis_url, provider_url="http://127.0.0.1:1")

    async def waiting() -> list[DeadLetterEntry]:
        return (await kafka_store.load(connection, DEAD_LETTER_TOPICS)).waiting()

    async def is_counted(ours: int) -> bool:
        """Return True if this many of ours wait, and egress shows the number of each topic and of refunds."""
        found = await waiting()
        depths = Counter(entry.source.topic for entry in found)
        shown = {name: egress.metric(f'promo_dlq_depth{{topic="{name}"}}') for name in DEAD_LETTER_TOPICS}
        return (
            sum(entry.key == restaurant.encode() for entry in found) == ours
            and shown == {name: depths[name] for name in DEAD_LETTER_TOPICS}
            and egress.metric("promo_refunds_refused") == sum(map(may_be_refund, found))
        )

    async with contextlib.aclosing(redis_client.connect(redis_url)) as redis:

        async def is_shown() -> bool:
            current = await generations.current(redis)
            menu = view_keys.inside(current, view_keys.menu(restaurant))
            return await redis.hget(menu, view_keys.RESTAURANT) is not None

        try:
            for name in names:
                for value in (b"{", b'{"restaurant_id": 1}', None):
                    await producer.send_and_wait(name, value, key=restaurant.encode(), partition=5)
            fact = codec.encode(good)
            await producer.send_and_wait("catalog.changed", fact, key=restaurant.encode(), partition=5)
            await eventually(lambda: is_counted(3 * len(names)), 20)
            assert await is_shown()
            egress.restart()  # what waits for a person is counted again
            await eventually(lambda: is_counted(3 * len(names)), 20)
            for entry in await waiting():
                if entry.key == restaurant.encode():
                    confirmed = ("--yes", "--reason", "planned") if may_be_refund(entry) else ()
                    assert (await run(connection, "drop", *entry.source, *confirmed))[0] == 0
            await eventually(lambda: is_counted(0), 20)
        finally:
            egress.stop()
