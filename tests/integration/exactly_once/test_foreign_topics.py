"""A worker on a real broker whose topics were deleted and made again."""

import asyncio
from pathlib import Path

import pytest

from compose.kafka import topics
from schemas import codec
from schemas.commands import Tick
from schemas.runtime.kafka_clients import make_admin_client
from schemas.settings import Settings
from schemas.topics import ORDER_COMMANDS, STATE_CHANGELOG
from streams import position_command
from tests.support.exactly_once.command_sender import CommandSender
from tests.support.exactly_once.worker import Worker
from tests.support.stack import Kafka, start_kafka

QUIET = {"tick_seconds": 3600, "partitions": 1}


@pytest.fixture
async def broker(tmp_path: Path):
    """A broker of its own, since its topics are damaged."""
    server = start_kafka(tmp_path / "kafka")
    yield server
    server.stop()


def settings(broker: Kafka) -> Settings:
    return Settings(kafka_bootstrap_servers=broker.bootstrap, partitions=1)


async def decide_one(broker: Kafka, folder: Path, instance: str) -> None:
    """Let a worker decide an order, and end it."""
    worker = Worker(broker.bootstrap, folder, instance, **QUIET)
    try:
        await asyncio.to_thread(worker.ready)
        async with CommandSender(broker.bootstrap) as sender:
            restaurant = await sender.open(3, "coxinha")
            assert (await sender.place(restaurant, "k", ("coxinha", 1))).answer.outcome == "confirmed"
        await asyncio.sleep(1.5)  # the group's offset is committed each second
    finally:
        worker.kill()


async def make_again(broker: Kafka, topic: str) -> None:
    admin = make_admin_client(settings(broker).kafka)
    await admin.start()
    await admin.delete_topics([topic])
    await admin.close()
    await topics.create(settings(broker))


def is_stopped(worker: Worker) -> bool:
    return f'promo_partition_stopped{{partition="{ORDER_COMMANDS.name}-0"}} 1.0' in worker.metrics()


@pytest.mark.parametrize("topic", [ORDER_COMMANDS, STATE_CHANGELOG], ids=lambda topic: topic.name)
async def test_a_topic_that_was_made_again_stops_the_partition(broker, tmp_path, topic):
    """One log is gone, the other goes on: every order would be skipped, or decided a second time.

    Kafka refuses to empty a compacted topic by DeleteRecords, so this is how a changelog is lost.
    """
    await topics.create(settings(broker))
    await decide_one(broker, tmp_path, "streams-1")
    await make_again(broker, topic.name)
    if topic is ORDER_COMMANDS:  # as long as the old one
        async with CommandSender(broker.bootstrap) as sender:
            for number in range(20):
                headers = codec.headers(Tick, f"t-{number}", codec.NO_TRACE)
                await sender.send("r", codec.encode(Tick()), headers)
    worker = Worker(broker.bootstrap, tmp_path, "streams-1", **QUIET)
    try:
        await asyncio.to_thread(worker.wait_until, lambda: is_stopped(worker), "does not stop")
        assert "foreign-log" in worker.log.read_text()
        if topic is ORDER_COMMANDS:
            accepted = await position_command.accept_topics(settings(broker), 0)
            assert "the source has the id" in accepted
            await asyncio.to_thread(worker.wait_until, lambda: not is_stopped(worker), "does not go on")
            with pytest.raises(position_command.SameTopicsError):
                await position_command.accept_topics(settings(broker), 0)
    finally:
        worker.kill()
