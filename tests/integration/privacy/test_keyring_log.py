"""The keyring in a real Kafka: one set of trees for all processes, one editor at a time, and compaction."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import InvalidProducerEpoch, ProducerFenced, TopicAlreadyExistsError, for_code

from ingress.privacy.keyring import Keyring, locate_leaf
from ingress.privacy.keyring_log import KeyringEditor, KeyringFollower
from ingress.privacy.wrapping import Wrapping
from schemas.identity import order_id
from schemas.kafka_connection import KafkaConnection
from schemas.topics import PRIVACY_KEYRING
from tests.support.waiting import eventually

SECRET = "secret of the tests"
ORDERS = [order_id("r1", f"k{number}") for number in range(4)]


@pytest.fixture
async def keyring_topic(kafka: str) -> str:
    """Return the bootstrap servers of a Kafka that has the keyring's topic."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        topic = NewTopic(PRIVACY_KEYRING.name, 1, 1, topic_configs=PRIVACY_KEYRING.configs())
        for _, code, *_ in (await admin.create_topics([topic])).topic_errors:
            assert code == 0 or for_code(code) is TopicAlreadyExistsError
    finally:
        await admin.close()
    return kafka


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
        await eventually(lambda: one.key(ORDERS[0]) == other.key(ORDERS[0]), seconds=20)
        kept = one.key(ORDERS[1])
        async with KeyringEditor(KafkaConnection(keyring_topic), Keyring(Wrapping(SECRET))) as editor:
            await editor.forget(ORDERS[:1])
            await eventually(
                lambda: one.is_forgotten(ORDERS[0]) and other.is_forgotten(ORDERS[0]), seconds=20
            )
            assert await editor.count_superseded() == 1
            assert await editor.force_compaction(60), "the broker still returns superseded trees"
            await editor.forget(ORDERS[:1])
            assert await editor.count_superseded() == 0, "an order that is forgotten again writes nothing"
        assert one.key(ORDERS[1]) == other.key(ORDERS[1]) == kept
    async with following(keyring_topic) as later:
        assert later.is_forgotten(ORDERS[0]) and later.key(ORDERS[1]) == kept


async def test_later_editor_fences_earlier_one(keyring_topic: str) -> None:
    """Each editor rewrites a tree from what it has read, so an unfenced one could restore a destroyed key."""
    async with KeyringEditor(KafkaConnection(keyring_topic), Keyring(Wrapping(SECRET))) as early:
        await early.write_missing_trees()
        async with KeyringEditor(KafkaConnection(keyring_topic), Keyring(Wrapping(SECRET))) as late:
            with pytest.raises((ProducerFenced, InvalidProducerEpoch)):
                await early.forget([ORDERS[2]])
            await late.forget([ORDERS[3]])
    async with following(keyring_topic) as keyring:
        assert keyring.is_forgotten(ORDERS[3]) and not keyring.is_forgotten(ORDERS[2])


async def test_tree_larger_than_a_megabyte_is_stored(keyring_topic: str) -> None:
    """Each erased order adds about a kilobyte to its tree, past Kafka's default message size."""
    name, _ = locate_leaf(ORDERS[0])
    ids = (order_id("r2", f"k{number}") for number in itertools.count())
    erased = list(itertools.islice((one for one in ids if locate_leaf(one)[0] == name), 1_500))
    keyring = Keyring(Wrapping(SECRET))
    async with KeyringEditor(KafkaConnection(keyring_topic), keyring) as editor:
        await editor.write_missing_trees()
        assert len(keyring.puncture_orders(erased)[name]) > 2**20
        await editor.forget(erased)
    async with following(keyring_topic) as keyring:
        assert all(keyring.is_forgotten(one) for one in erased) and not keyring.is_forgotten(ORDERS[1])
