"""The keyring in a real Kafka: one set of trees for all processes, cut by one at a time, and swept off the disk."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import InvalidProducerEpoch, ProducerFenced, TopicAlreadyExistsError, for_code

from ingress.privacy.keyring import Keyring, place
from ingress.privacy.keyring_log import KeyringFollower, Workbench
from ingress.privacy.tree import DEPTH
from ingress.privacy.wrapping import Wrapping
from schemas.identity import order_id
from schemas.topics import PRIVACY_KEYRING
from tests.waiting import eventually

SECRET = "secret of the tests"
ORDERS = [order_id("r1", f"k{number}") for number in range(4)]


@pytest.fixture
async def keyring_topic(kafka: str) -> str:
    """Bootstrap servers of a Kafka that has the topic of the keyring."""
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
    follower = KeyringFollower(kafka, keyring)
    running = asyncio.ensure_future(follower.run())
    try:
        async with asyncio.timeout(30):
            await follower.wait_whole()
        yield keyring
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def test_processes_that_start_at_once_share_one_keyring_and_hear_what_is_forgotten(
    keyring_topic: str,
) -> None:
    """Two sets of trees would leave orders that no other process can open; a forgotten order is so in every process."""
    async with following(keyring_topic) as one, following(keyring_topic) as other:
        await eventually(lambda: one.key(ORDERS[0]) == other.key(ORDERS[0]), seconds=20)
        kept = one.key(ORDERS[1])
        async with Workbench(keyring_topic, Keyring(Wrapping(SECRET))) as bench:
            assert await bench.forget(ORDERS[:1]) == 1
            await eventually(
                lambda: one.is_forgotten(ORDERS[0]) and other.is_forgotten(ORDERS[0]), seconds=20
            )
            assert await bench.replaced() == 1
            assert await bench.sweep(60), "the broker still returns what the key was derived from"
            assert await bench.forget(ORDERS[:1]) == 0
        assert one.key(ORDERS[1]) == other.key(ORDERS[1]) == kept
    async with following(keyring_topic) as later:
        assert later.is_forgotten(ORDERS[0]) and later.key(ORDERS[1]) == kept


async def test_of_two_who_forget_at_once_one_is_locked_out_and_nothing_comes_back(keyring_topic: str) -> None:
    """Each writes a tree anew from what it has read: the later one must have read what the earlier one wrote."""
    async with Workbench(keyring_topic, Keyring(Wrapping(SECRET))) as early:
        await early.complete()
        async with Workbench(keyring_topic, Keyring(Wrapping(SECRET))) as late:
            with pytest.raises((ProducerFenced, InvalidProducerEpoch)):
                await early.forget([ORDERS[2]])
            assert await late.forget([ORDERS[3]]) == 1
    async with following(keyring_topic) as keyring:
        assert keyring.is_forgotten(ORDERS[3]) and not keyring.is_forgotten(ORDERS[2])


async def test_a_tree_of_which_thousands_are_forgotten_is_written_and_read(keyring_topic: str) -> None:
    """What is kept grows by a kilobyte with each forgotten order, past Kafka's usual megabyte."""
    wrapping, (name, _), chance = Wrapping(SECRET), place(ORDERS[0]), random.Random(1)
    async with Workbench(keyring_topic, Keyring(wrapping)) as bench:
        await bench.complete()
        tree = bench._keyring._trees[name]
        for _ in range(1_500):
            tree = tree.without(chance.randrange(2**DEPTH))
        assert len(wrapping.wrap(name, tree)) > 2**20
        await bench._write({name: wrapping.wrap(name, tree)})
    async with following(keyring_topic) as keyring:
        assert keyring._trees[name].nodes == tree.nodes
