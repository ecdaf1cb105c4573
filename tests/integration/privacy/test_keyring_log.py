"""The keyring in a real Kafka: one set of trees for all processes, one editor at a time, and compaction."""

import asyncio
import contextlib
import gc
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import NewTopic
from aiokafka.errors import InvalidProducerEpoch, ProducerFenced
from msgspec.structs import replace

from ingress.privacy import forest, keyring_log
from ingress.privacy.erasure import Erasure
from ingress.privacy.keyring import Keyring
from ingress.privacy.keyring_log import KeyringEditor, KeyringFollower, LostKeyringError
from ingress.privacy.months import Month, month_at
from ingress.privacy.wrapping import Wrapping
from schemas import metrics
from schemas.identity import order_id
from schemas.kafka_connection import KafkaConnection
from schemas.runtime.cancellation import in_background
from schemas.runtime.kafka_clients import make_admin_client, make_producer
from schemas.runtime.kafka_sessions import started
from schemas.timestamps import wall_clock
from schemas.topics import ORDER_CREATED, PRIVACY_KEYRING
from tests.support.privacy.keyrings import has_month_key
from tests.support.waiting import eventually

SECRET = "secret of the tests"
ORDERS = [order_id("r1", f"k{number}") for number in range(4)]


@pytest.fixture
async def keyring_topic(kafka: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the bootstrap servers of a Kafka with an empty keyring topic, and without a topic of orders."""
    name = f"keyring-{uuid.uuid4().hex}"
    monkeypatch.setattr(keyring_log, "PARTITION", TopicPartition(name, 0))
    monkeypatch.setattr(keyring_log, "ORDER_CREATED", replace(ORDER_CREATED, name=f"{name}-orders"))
    await create_topic(kafka, name, PRIVACY_KEYRING.configs())
    return kafka


async def create_topic(kafka: str, name: str, configs: dict[str, str]) -> None:
    """Create a topic with one partition."""
    admin = make_admin_client(KafkaConnection(kafka))
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, 1, 1, topic_configs=configs)])
    finally:
        await admin.close()


@contextlib.contextmanager
def unretrieved_errors() -> Iterator[list[dict[str, Any]]]:
    """Collect what the loop would log of futures that were dropped with their errors."""
    found: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: found.append(context))
    try:
        yield found
    finally:
        loop.set_exception_handler(None)


@contextlib.asynccontextmanager
async def following(kafka: str) -> AsyncIterator[Keyring]:
    """Follow the keyring as an ingress process does."""
    keyring = Keyring(Wrapping(SECRET))
    follower = KeyringFollower(KafkaConnection(kafka), keyring)
    running = asyncio.ensure_future(follower.run())
    try:
        async with asyncio.timeout(30):
            await follower.complete.wait()
        yield keyring
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def test_processes_share_keyring_and_erasures(
    keyring_topic: str,
) -> None:
    """Processes that start at once agree on one set of trees, and an erased order is erased in each of them."""
    async with following(keyring_topic) as one, following(keyring_topic) as other:
        await eventually(lambda: one.order_key(ORDERS[0]) == other.order_key(ORDERS[0]), seconds=20)
        kept = one.order_key(ORDERS[1])
        keyring = Keyring(Wrapping(SECRET))
        async with KeyringEditor(KafkaConnection(keyring_topic), keyring) as editor:
            await editor.write(keyring.destroy(ORDERS[:1]))
            await eventually(
                lambda: one.is_forgotten(ORDERS[0]) and other.is_forgotten(ORDERS[0]), seconds=20
            )
            assert await editor.count_superseded() == 1
            assert await editor.force_compaction(60), "the broker still returns superseded trees"
            await editor.write(keyring.destroy(ORDERS[:1]))
            assert await editor.count_superseded() == 0, "an order that is forgotten again writes nothing"
        assert one.order_key(ORDERS[1]) == other.order_key(ORDERS[1]) == kept
    async with following(keyring_topic) as later:
        assert later.is_forgotten(ORDERS[0]) and later.order_key(ORDERS[1]) == kept


async def test_later_editor_fences_earlier_one(keyring_topic: str) -> None:
    """Each editor rewrites a tree from what it has read, so an unfenced one could restore a destroyed key.

    The fenced one raises one error, and asyncio logs none for each of its records.
    """
    connection = KafkaConnection(keyring_topic)
    first, second = Keyring(Wrapping(SECRET)), Keyring(Wrapping(SECRET))
    with unretrieved_errors() as unretrieved:
        async with KeyringEditor(connection, first) as early, KeyringEditor(connection, second):
            with pytest.raises((ProducerFenced, InvalidProducerEpoch)):
                await early.complete()
        async with KeyringEditor(connection, first) as early, KeyringEditor(connection, second):
            with pytest.raises((ProducerFenced, InvalidProducerEpoch)):
                await early.write({keyring_log.COMPACTION_KEY: b""})
        del early
        gc.collect()
        await asyncio.sleep(0)
    assert not unretrieved
    async with KeyringEditor(connection, first) as early:
        await early.complete()
        async with KeyringEditor(connection, second) as late:
            with pytest.raises((ProducerFenced, InvalidProducerEpoch)):
                await early.write(first.destroy([ORDERS[2]]))
            await late.write(second.destroy([ORDERS[3]]))
    async with following(keyring_topic) as keyring:
        assert keyring.is_forgotten(ORDERS[3]) and not keyring.is_forgotten(ORDERS[2])


async def test_missing_topic_is_waited_for(
    keyring_topic: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Processes that start before it is there log it once each, and then agree."""
    name = f"{keyring_log.PARTITION.topic}-late"
    monkeypatch.setattr(keyring_log, "PARTITION", TopicPartition(name, 0))
    keyrings = [Keyring(Wrapping(SECRET)) for _ in range(2)]
    one, other = (KeyringFollower(KafkaConnection(keyring_topic), keyring) for keyring in keyrings)
    retries = metrics.retries.labels("keyring follower")._value
    enough = retries.get() + 6
    with unretrieved_errors() as unretrieved:
        async with in_background(one.run()), in_background(other.run()):
            await eventually(lambda: retries.get() >= enough, seconds=20)
            await create_topic(keyring_topic, name, PRIVACY_KEYRING.configs())
            async with asyncio.timeout(30):
                await asyncio.gather(one.complete.wait(), other.complete.wait())
            keys = {keyring.order_key(ORDERS[0]) for keyring in keyrings}
            assert len(keys) == 1
        gc.collect()
    assert not unretrieved
    missing = [record for record in caplog.records if "UnknownTopicOrPartition" in record.getMessage()]
    assert len(missing) == 2
    assert not [record for record in caplog.records if "not found in cluster metadata" in record.getMessage()]


async def test_dropped_month_stays_dropped(keyring_topic: str) -> None:
    """For processes that follow, and for those that start later."""
    coming = Month(month_at(wall_clock()) + 1)
    async with following(keyring_topic) as one:
        async with KeyringEditor(KafkaConnection(keyring_topic), Keyring(Wrapping(SECRET))) as editor:
            await editor.complete()
            await editor.write(one.drop_month(coming))
        async with following(keyring_topic) as later:
            for keyring in (one, later):
                await eventually(lambda keyring=keyring: not has_month_key(keyring, coming), seconds=20)
                assert has_month_key(keyring, Month(coming - 1))


async def test_large_tree_is_split(keyring_topic: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its record ends, and two others take its place; a process that reads the topic from the start has both halves."""
    monkeypatch.setattr(forest, "MAX_TREE_BYTES", 1_024)
    erased = [order_id("r2", f"k{number}") for number in range(800)]
    keyring = Keyring(Wrapping(SECRET))
    async with KeyringEditor(KafkaConnection(keyring_topic), keyring) as editor:
        await editor.complete()
        changes = keyring.destroy(erased)
        assert any(wrapped is None for wrapped in changes.values())
        await editor.write(changes)
    async with following(keyring_topic) as later:
        assert all(later.is_forgotten(one) for one in erased)
        assert later.order_key(ORDERS[1]) == keyring.order_key(ORDERS[1])


async def test_lost_keys_stop_ingress(keyring_topic: str) -> None:
    """New keys would not open what was sealed: only an operator may give that up, and keeps the keys that are left.

    Processes that start again and again do not fence the operator's command, and commands do not end each other.
    """
    connection = KafkaConnection(keyring_topic)
    async with following(keyring_topic) as keyring:
        key = keyring.person_key("customer/c")
    async with started(make_producer(connection)) as producer:
        for name in (b"11", b"00"):
            await producer.send_and_wait(keyring_log.PARTITION.topic, None, key=name, partition=0)
    async with KeyringEditor(connection, lacking := Keyring(Wrapping(SECRET))) as editor:
        with pytest.raises(LostKeyringError, match="lacks 2 of its records"):
            async with asyncio.timeout(30):
                await KeyringFollower(connection, Keyring(Wrapping(SECRET))).run()
        await editor.write({keyring_log.COMPACTION_KEY: b""})
        assert len(lacking.lost) == 2
    commands = [Erasure(connection, Keyring(Wrapping(SECRET)), 0).accept_loss() for _ in range(3)]
    assert sorted(await asyncio.gather(*commands)) == [0, 0, 2]
    async with following(keyring_topic) as keyring:
        assert not keyring.lost and keyring.person_key("customer/c") == key


async def test_empty_keyring_beside_orders_stops_ingress(keyring_topic: str) -> None:
    """An installation with orders had a keyring: an empty topic is another cluster's, or was deleted."""
    connection, orders = KafkaConnection(keyring_topic), keyring_log.ORDER_CREATED.name
    await create_topic(keyring_topic, orders, {})
    async with started(make_producer(connection)) as producer:
        await producer.send_and_wait(orders, b"{}", key=b"r1")
    with pytest.raises(LostKeyringError):
        async with asyncio.timeout(30):
            await KeyringFollower(connection, Keyring(Wrapping(SECRET))).run()
    assert await Erasure(connection, Keyring(Wrapping(SECRET)), 0).accept_loss() == 256
    async with following(keyring_topic) as keyring:
        assert not keyring.lost
