"""Payments in the egress process: requests in Kafka, the simulated provider, results in Kafka, kill -9 in between."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import aiohttp
import msgspec
import pytest
from aiokafka import AIOKafkaProducer

from compose.kafka import topics
from egress.payments import retention
from schemas import codec
from schemas.payments import PaymentRequest
from schemas.settings import Settings
from schemas.topics import ORDER_COMMANDS, PAYMENT_REQUESTS
from tests.support import facts
from tests.support.egress.process import Egress
from tests.support.payments.fakes import request
from tests.support.payments.real_provider import ProviderClient, RealProvider
from tests.support.waiting import eventually


@pytest.fixture
async def streams(kafka: str) -> AsyncIterator[AIOKafkaProducer]:
    """A producer of transactions, as the stream is."""
    await topics.create(Settings(kafka_bootstrap_servers=kafka))
    producer = AIOKafkaProducer(bootstrap_servers=kafka, transactional_id=f"test-{uuid4().hex}")
    await producer.start()
    yield producer
    await producer.stop()


async def write_requests(streams: AIOKafkaProducer, *requests: PaymentRequest) -> None:
    """Write requests in one transaction."""
    async with streams.transaction():
        for one in requests:
            headers = codec.headers(PaymentRequest, one.order_id, b"00-trace-of-" + one.order_id.encode())
            await streams.send(
                PAYMENT_REQUESTS.name, codec.encode(one), key=one.restaurant_id.encode(), headers=headers
            )


async def results(kafka: str, restaurants: set[str]) -> list[facts.Record]:
    records = await facts.read(kafka, [ORDER_COMMANDS.name])
    return [r for r in records if r.value.get("restaurant_id") in restaurants]


@pytest.mark.slow
async def test_kill_9_loses_no_request(
    kafka: str,
    redis_url: str,
    tmp_path: Path,
    streams: AIOKafkaProducer,
    provider: RealProvider,
    client: ProviderClient,
) -> None:
    """Killed three times under load: each order has its result, keyed and traced, and one authorisation."""
    run, restaurants = uuid4().hex[:8], {f"r-{uuid4().hex[:8]}" for _ in range(5)}
    await client.behave(error=0.2, delay_ms=20, delay_jitter_ms=20)
    egress = Egress(tmp_path, kafka, redis_url, provider_url=provider.url, provider_timeout_seconds=0.5)
    orders: dict[str, str] = {}
    try:
        for step in range(4):
            batch = []
            for number in range(40):
                order, restaurant = f"o_{run}_{step}_{number}", sorted(restaurants)[number % 5]
                orders[order] = restaurant
                batch.append(msgspec.structs.replace(request(order), restaurant_id=restaurant))
            await write_requests(streams, *batch)
            if step < 3:
                await asyncio.sleep(0.3)
                await asyncio.to_thread(egress.kill)
                await asyncio.to_thread(egress.start)

        async def all_done() -> bool:
            return {r.value["order_id"] for r in await results(kafka, restaurants)} == set(orders)

        await eventually(all_done, 40)
        by_order = defaultdict(set)
        for record in await results(kafka, restaurants):
            order = record.value["order_id"]
            by_order[order].add((record.value["type"], record.value["kind"], record.value["outcome"]))
            assert record.headers["traceparent"] == b"00-trace-of-" + order.encode()
            assert record.headers["event-type"] == b"payment-result"
        assert set(map(tuple, by_order.values())) == {(("payment-result", "authorise", "authorised"),)}
        authorised = Counter(e["order_id"] for e in await client.ledger() if e["order_id"] in orders)
        assert authorised == dict.fromkeys(orders, 1)
        await eventually(lambda: lag(egress) == 0)
    finally:
        egress.stop()


def lag(egress: Egress) -> float:
    """The requests that are not done, without the marker at the end of each transaction."""
    lines = [line for line in egress.metrics().splitlines() if line.startswith("promo_consumer_lag{")]
    lags = [float(line.rpartition(" ")[2]) for line in lines if 'group="promo-payments"' in line]
    return sum(value for value in lags if value > 1)


async def test_refunds_wait_for_the_provider(
    kafka: str,
    redis_url: str,
    tmp_path: Path,
    streams: AIOKafkaProducer,
    session: aiohttp.ClientSession,
    client: ProviderClient,
) -> None:
    """The circuit opens, visibly. When the provider is back every refund is paid, also after a kill -9 and after a 404."""
    away = RealProvider(tmp_path / "provider")
    restaurant, order = f"r-{uuid4().hex[:8]}", f"o_{uuid4().hex}"
    egress = Egress(tmp_path, kafka, redis_url, provider_url=away.url, provider_timeout_seconds=0.2)
    breaker = 'promo_circuit_breaker_state{name="payments"}'

    async def outcomes() -> set[tuple[str, str]]:
        """Each order and outcome, once: after a kill -9 the last results may be written again."""
        return {(r.value["order_id"], r.value["outcome"]) for r in await results(kafka, {restaurant})}

    async def is_count(number: int) -> bool:
        return len(await outcomes()) == number

    try:
        await write_requests(streams, msgspec.structs.replace(request(order), restaurant_id=restaurant))
        await eventually(lambda: is_count(1))
        away.kill()
        refunds = [request(f"{order}-{n}", "refund") for n in range(20)] + [request(order, "refund")]
        await write_requests(
            streams, *(msgspec.structs.replace(one, restaurant_id=restaurant) for one in refunds)
        )
        await eventually(lambda: egress.metric(breaker) == 2, 20)
        await eventually(lambda: egress.metric('promo_payments_pending{kind="refund"}') == 21)
        assert egress.metric('promo_retries_total{name="payments"}') > 0
        egress.kill()
        egress.start()
        away.start()
        await eventually(lambda: is_count(22), 30)
        counts = Counter(outcome for _, outcome in await outcomes())
        assert counts == {"authorised": 1, "refunded": 1, "nothing_to_refund": 20}
        assert egress.metric(breaker) == 0
        moved = ProviderClient(session, away.url)
        await moved.behave(reject_status=404)
        later = [request(f"{order}-later-{n}", "refund") for n in range(5)]
        await write_requests(
            streams, *(msgspec.structs.replace(one, restaurant_id=restaurant) for one in later)
        )
        await eventually(lambda: egress.metric('promo_provider_rejections_total{cause="address"}') > 0)
        await eventually(lambda: egress.metric(breaker) > 0)
        settings = Settings(kafka_bootstrap_servers=kafka)
        await retention.delete_done(settings, kept_ms=0)  # not those that are owed
        egress.kill()
        egress.start()
        await moved.behave()
        await eventually(lambda: is_count(27), 40)
        await eventually(lambda: lag(egress) == 0)
        await retention.delete_done(settings, kept_ms=0)
        left = {r.value["order_id"] for r in await facts.read(kafka, [PAYMENT_REQUESTS.name], restaurant)}
        assert not left & {one.order_id for one in refunds + later}
    finally:
        egress.stop()
        away.stop()
