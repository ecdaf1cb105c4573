"""The metrics of a whole stack, at one address."""

import asyncio
import re
from collections.abc import Callable

from aiokafka import AIOKafkaProducer

from schemas.topics import ORDER_COMMANDS
from tests.e2e.customers import Kitchen
from tests.e2e.stack import Stack

#: Contract: name, and the labels that each sample has.
CONTRACT = {
    "promo_http_requests_total": {"route", "method", "status"},
    "promo_http_request_duration_seconds_bucket": {"route", "method", "status", "le"},
    "promo_orders_total": {"outcome"},
    "promo_order_confirmation_seconds_bucket": {"le"},
    "promo_idempotent_replays_total": set(),
    "promo_consumer_lag": {"topic", "partition", "group"},
    "promo_dlq_depth": {"topic"},
    "promo_view_staleness_seconds": set(),
    "promo_circuit_breaker_state": {"name"},
    "promo_retries_total": {"name"},
    "promo_transactions_total": {"result"},
    "promo_notifications_total": {"channel", "result"},
}

OURS = {"streams", "egress", "ingress", "payments", "messaging"}

Samples = dict[str, list[tuple[dict[str, str], float]]]


async def scrape(kitchen: Kitchen) -> Samples:
    text = (await kitchen.call("GET", "/metrics")).body.decode()
    found: Samples = {}
    for name, labels, value in re.findall(r"^(\w+)(?:{(.*)})? (\S+)$", text, re.M):
        found.setdefault(name, []).append((dict(re.findall(r'(\w+)="([^"]*)"', labels)), float(value)))
    return found


async def until(kitchen: Kitchen, condition: Callable[[Samples], bool]) -> Samples:
    async with asyncio.timeout(15):
        while not condition(samples := await scrape(kitchen)):
            await asyncio.sleep(0.2)
    return samples


def total(samples: Samples, name: str, **labels: str) -> float:
    return sum(v for given, v in samples.get(name, []) if labels.items() <= given.items())


async def test_one_address_shows_the_metrics_of_all_processes(kitchen: Kitchen, stack: Stack) -> None:
    """One scrape of ingress has every metric of the contract, with its labels."""
    restaurant = await kitchen.open(coxinha=5)
    await kitchen.order(restaurant, "k", ("coxinha", 1))
    groups = {"promo-streams", "promo-egress"}
    samples = await until(
        kitchen, lambda s: {g["group"] for g, _ in s.get("promo_consumer_lag", [])} >= groups
    )
    for name, names in CONTRACT.items():
        assert samples[name], name
        assert all(labels.keys() == names for labels, _ in samples[name]), name
    assert total(samples, "promo_transactions_total", result="committed") > 0
    ours = len([p for p in stack.processes("") if p["role"] in OURS])
    await until(kitchen, lambda s: total(s, "promo_ready") == ours)
    lag = [labels for labels, _ in samples["promo_consumer_lag"] if labels["topic"] == ORDER_COMMANDS.name]
    assert {labels["partition"] for labels in lag} == set(map(str, range(8)))


async def test_every_ingress_process_shows_the_same_counts(kitchen: Kitchen) -> None:
    """Several ingress processes share a port; each shows what all of them counted."""
    restaurant = await kitchen.open(coxinha=None)
    before = total(await scrape(kitchen), "promo_orders_total", outcome="confirmed")
    await asyncio.gather(*(kitchen.order(restaurant, f"k{n}", ("coxinha", 1)) for n in range(40)))
    for _ in range(10):
        assert total(await scrape(kitchen), "promo_orders_total", outcome="confirmed") == before + 40


async def test_poison_message_raises_dlq_depth_by_one(kitchen: Kitchen, stack: Stack) -> None:
    """Contract: `promo_dlq_depth{topic}`."""
    topic = ORDER_COMMANDS.name
    samples = await until(kitchen, lambda s: "promo_dlq_depth" in s)
    before = total(samples, "promo_dlq_depth", topic=topic)
    producer = AIOKafkaProducer(bootstrap_servers=stack.bootstrap)
    await producer.start()
    await producer.send_and_wait(ORDER_COMMANDS.name, b"{", key=b"r")
    await producer.stop()
    await until(kitchen, lambda s: total(s, "promo_dlq_depth", topic=topic) == before + 1)


async def test_staleness_shows_a_paused_egress(kitchen: Kitchen, stack: Stack) -> None:
    """The age of the views grows while egress is paused, and recovers after it."""
    with stack.paused("egress"):
        await until(kitchen, lambda s: total(s, "promo_view_staleness_seconds") > 4)
    await until(kitchen, lambda s: total(s, "promo_view_staleness_seconds") < 3)
    await until(
        kitchen,
        lambda s: total(s, "promo_consumer_lag", topic=ORDER_COMMANDS.name, group="promo-streams") < 8,
    )
