"""Notifications as they run: facts in the log, a real endpoint, kill -9 in the middle of deliveries."""

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
from egress.fact_log import Reassigned
from egress.kafka_group_log import KafkaGroupLog
from schemas import codec
from schemas.catalogue import Restaurant
from schemas.identity import webhook_secrets
from schemas.settings import Settings
from schemas.topics import CATALOG_CHANGED, ORDER_CONFIRMED, WEBHOOK_DELIVERIES
from tests import facts
from tests.egress.process import Egress
from tests.notifying.endpoints import Endpoint, endpoint
from tests.notifying.messages import confirmed, listed
from tests.waiting import eventually

ORDERS, KILLS = 40, 2


@pytest.fixture
async def streams(kafka: str) -> AsyncIterator[AIOKafkaProducer]:
    """A producer of transactions, as the stream is."""
    await topics.create(Settings(), kafka)
    producer = AIOKafkaProducer(bootstrap_servers=kafka, transactional_id=f"test-{uuid4().hex}")
    await producer.start()
    yield producer
    await producer.stop()


async def tell(streams: AIOKafkaProducer, topic: str, *told: tuple[str, Any]) -> None:
    """Write facts with their ids in one transaction."""
    async with streams.transaction():
        for event_id, fact in told:
            headers = codec.headers(type(fact), event_id, codec.NO_TRACE)
            await streams.send(topic, codec.encode(fact), key=fact.restaurant_id.encode(), headers=headers)


def webhook_of(restaurant: str, url: str, version: int = 1) -> Any:
    profile = Restaurant(restaurant, "Bar", 10, 1800, version, url)
    return msgspec.structs.replace(listed(None), restaurant_id=restaurant, restaurant=profile)


async def test_a_killed_egress_loses_no_delivery_and_a_dead_endpoint_holds_up_no_other(
    kafka: str, redis_url: str, tmp_path: Path, streams: AIOKafkaProducer
) -> None:
    """kill -9 twice, in mid-delivery: each fact arrives, signed, under its own id; then the DLQ of who is dead."""
    run = uuid4().hex[:8]
    live, dead = f"live-{run}", f"dead-{run}"
    database = redis_url.rpartition("/")[0] + "/10"
    egress = Egress(
        tmp_path,
        kafka,
        database,
        token_secret="secret",
        webhook_allow_private=1,
        webhook_retry_seconds=15,
    )
    expected = {f"{run}-{n}" for n in range(ORDERS)}

    def answer(number: int) -> web.Response:
        return web.Response(status=503 if number < ORDERS and number % 4 == 0 else 204)

    async def buried() -> bool:
        records = await facts.read(kafka, [f"{WEBHOOK_DELIVERIES.name}.dlq"], dead)
        return {record.headers["event-id"].decode() for record in records} == {f"{run}-dead-1"}

    try:
        async with endpoint() as served:
            served.answer = answer
            addresses = ((live, served.url + "/hook"), (dead, "http://127.0.0.1:1/"))
            put = [(f"{run}-{name}", webhook_of(name, url)) for name, url in addresses]
            await tell(streams, CATALOG_CHANGED.name, *put)
            await tell(streams, ORDER_CONFIRMED.name, (f"{run}-dead-1", confirmed("d1", dead)))
            for step in range(KILLS):
                served.gate.clear()
                batch = range(step * ORDERS // KILLS, (step + 1) * ORDERS // KILLS)
                told = [(f"{run}-{n}", confirmed(f"o{n}", live)) for n in batch]
                before = len(served.messages)
                await tell(streams, ORDER_CONFIRMED.name, *told)
                await eventually(lambda seen=before: len(served.messages) > seen, 20)
                await asyncio.to_thread(egress.kill)
                served.gate.set()
                await asyncio.to_thread(egress.start)
            await eventually(lambda: taken(served) >= expected, 30)
            assert taken(served) == expected
            for message in served.messages:
                told_of = message.verified(webhook_secrets("secret", live)[0])["data"]
                assert message.headers["webhook-id"] == f"{run}-{told_of['order_id'][1:]}"
            most = Counter(message.headers["webhook-id"] for message in served.messages).most_common(1)
            assert most[0][1] < 20, "again only where it was not known to be done"
            await eventually(buried, 40)
            assert egress.metric('promo_retries_total{name="webhook"}') > 0
            assert egress.metric('promo_notifications_total{channel="webhook",result="delivered"}') > 0
    finally:
        egress.stop()


def taken(served: Endpoint) -> set[str]:
    """The messages that the endpoint has had."""
    return {message.headers["webhook-id"] for message in served.messages}


async def test_a_group_that_has_done_nothing_yet_begins_with_what_is_new(kafka: str) -> None:
    """The first start beside a log of years tells nobody of it; and nothing that comes meanwhile is missed."""
    name, now, found = f"test-{uuid4().hex}", int(time.time() * 1000), set[bytes | None]()
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(name, 2, 1)])
    await admin.close()
    settings = Settings(kafka_bootstrap_servers=kafka, session_timeout_seconds=3)
    log = KafkaGroupLog(settings, name, [name], newest_seconds=3_600)

    async def read(*expected: bytes) -> bool:
        try:
            found.update(record.value for record in await log.read(1_000))
        except Reassigned:
            await log.begin()
        return found == set(expected)

    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        for number, value, age in ((0, b"old", 7_200_000), (0, b"new", 1_000), (1, b"older", 7_300_000)):
            await producer.send_and_wait(name, value, partition=number, timestamp_ms=now - age)
        await log.start()
        try:
            await eventually(lambda: read(b"new"), 20)
            await producer.send_and_wait(name, b"meanwhile", partition=1)
            await eventually(lambda: read(b"new", b"meanwhile"), 20)
        finally:
            await log.stop()
