"""Notifications in a real egress process: facts in Kafka, a real endpoint, kill -9 during deliveries."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from aiohttp import web
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from compose.kafka import topics
from egress.kafka.consumers import GroupConsumer
from egress.kafka.records import PartitionsReassigned
from schemas import codec
from schemas.catalogue import Restaurant
from schemas.consumer_groups import ConsumerGroup
from schemas.identity import webhook_secrets
from schemas.settings import Settings
from schemas.topics import CATALOG_CHANGED, ORDER_CONFIRMED, WEBHOOK_DELIVERIES
from tests.support import facts
from tests.support.egress.process import Egress
from tests.support.notifications.endpoints import Endpoint, serve_endpoint
from tests.support.notifications.messages import confirmed, restaurant_changed
from tests.support.waiting import eventually

ORDERS, KILLS = 40, 2


@pytest.fixture
async def producer(kafka: str) -> AsyncIterator[AIOKafkaProducer]:
    """A transactional producer, as streams have one."""
    await topics.create(Settings(kafka_bootstrap_servers=kafka))
    transactional = AIOKafkaProducer(bootstrap_servers=kafka, transactional_id=f"test-{uuid4().hex}")
    await transactional.start()
    yield transactional
    await transactional.stop()


async def publish(producer: AIOKafkaProducer, topic: str, *facts_with_ids: tuple[str, Any]) -> None:
    """Write facts with their event ids in one transaction."""
    async with producer.transaction():
        for event_id, fact in facts_with_ids:
            headers = codec.headers(type(fact), event_id, codec.NO_TRACE)
            await producer.send(topic, codec.encode(fact), key=fact.restaurant_id.encode(), headers=headers)


def restaurant_with_webhook(restaurant: str, url: str, version: int = 1) -> Any:
    profile = Restaurant(restaurant, "Bar", 10, 1800, version, url)
    return msgspec.structs.replace(restaurant_changed(None), restaurant_id=restaurant, restaurant=profile)


@pytest.mark.slow
async def test_killed_egress_loses_no_delivery(
    kafka: str, redis_url: str, tmp_path: Path, producer: AIOKafkaProducer
) -> None:
    """kill -9 twice during deliveries: each fact arrives, signed, with its own id.

    An unreachable endpoint delays no other, and its delivery becomes a dead letter.
    """
    run = uuid4().hex[:8]
    live, dead = f"live-{run}", f"dead-{run}"
    database = redis_url.rpartition("/")[0] + "/10"
    egress = Egress(
        tmp_path,
        kafka,
        database,
        webhook_secret="secret",
        webhook_allow_private=1,
        webhook_retry_seconds=15,
    )
    expected = {f"{run}-{n}" for n in range(ORDERS)}

    def answer(number: int) -> web.Response:
        return web.Response(status=503 if number < ORDERS and number % 4 == 0 else 204)

    async def is_dead_lettered() -> bool:
        records = await facts.read(kafka, [f"{WEBHOOK_DELIVERIES.name}.dlq"], dead)
        return {record.headers["event-id"].decode() for record in records} == {f"{run}-dead-1"}

    try:
        async with serve_endpoint() as receiver:
            receiver.answer = answer
            urls = ((live, receiver.url + "/hook"), (dead, "http://127.0.0.1:1/"))
            restaurants = [(f"{run}-{name}", restaurant_with_webhook(name, url)) for name, url in urls]
            await publish(producer, CATALOG_CHANGED.name, *restaurants)
            await publish(producer, ORDER_CONFIRMED.name, (f"{run}-dead-1", confirmed("d1", dead)))
            for step in range(KILLS):
                receiver.gate.clear()
                batch = range(step * ORDERS // KILLS, (step + 1) * ORDERS // KILLS)
                orders = [(f"{run}-{n}", confirmed(f"o{n}", live)) for n in batch]
                before = len(receiver.messages)
                await publish(producer, ORDER_CONFIRMED.name, *orders)
                await eventually(lambda seen=before: len(receiver.messages) > seen, 20)
                await asyncio.to_thread(egress.kill)
                receiver.gate.set()
                await asyncio.to_thread(egress.start)
            await eventually(lambda: received_ids(receiver) >= expected, 30)
            assert received_ids(receiver) == expected
            for message in receiver.messages:
                order = message.verified(webhook_secrets("secret", live)[0])["data"]
                assert message.headers["webhook-id"] == f"{run}-{order['order_id'][1:]}"
            repeats = Counter(message.headers["webhook-id"] for message in receiver.messages)
            assert max(repeats.values()) < 20, "ended deliveries are not repeated"
            await eventually(is_dead_lettered, 40)
            assert egress.metric('promo_retries_total{name="webhook"}') > 0
            assert egress.metric('promo_notifications_total{channel="webhook",result="delivered"}') > 0
    finally:
        egress.stop()


def received_ids(receiver: Endpoint) -> set[str]:
    """The webhook-ids that the endpoint has received."""
    return {message.headers["webhook-id"] for message in receiver.messages}


async def test_new_group_begins_with_recent_records(kafka: str) -> None:
    """The first start on a log of years sends no notification of old facts, and misses no record written since."""
    name, now, found = f"test-{uuid4().hex}", int(time.time() * 1000), set[bytes | None]()
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(name, 2, 1)])
    await admin.close()
    settings = Settings(kafka_bootstrap_servers=kafka, session_timeout_seconds=3)
    log = GroupConsumer(settings, ConsumerGroup(name, (name,), "of a test"), newest_seconds=3_600)

    async def read(*expected: bytes) -> bool:
        try:
            found.update(record.value for record in await log.read(1_000))
        except PartitionsReassigned:
            await log.begin()
        return found == set(expected)

    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        for number, value, age in ((0, b"old", 7_200_000), (0, b"new", 1_000), (1, b"older", 7_300_000)):
            await producer.send_and_wait(name, value, partition=number, timestamp_ms=now - age)
        await log.start()
        try:
            await eventually(lambda: read(b"new"), 20)
            await producer.send_and_wait(name, b"later", partition=1)
            await eventually(lambda: read(b"new", b"later"), 20)
        finally:
            await log.stop()
