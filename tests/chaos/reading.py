"""What outside readers see after quiet: the topics, read_committed, and the views in Redis."""

import json
from collections import defaultdict
from collections.abc import AsyncIterator
from typing import Any

import redis.asyncio
from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas import view_keys
from schemas.runtime.kafka_shutdown import close_quietly
from schemas.topics import DEAD_LETTER_TOPICS, FACT_TOPICS, ORDER_COMMANDS, ORDER_REPLIES, WATERMARKS
from tests.chaos.vandal import MARK
from tests.checker.observations import Fact, Observations

#: Commands that nobody is to hear of.
UNANSWERED = {b"payment-result", b"mirror", b"ask-portions", b"lend-portions", b"offer-portions"}
MENUS, ORDERS = "menu:*", "order:*"


class Log:
    """All topics, by a reader of its own."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap

    async def __aenter__(self) -> "Log":
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap, isolation_level="read_committed", enable_auto_commit=False
        )
        await self._consumer.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await close_quietly(self._consumer.stop())

    async def ends(self, topic: str) -> dict[int, int]:
        """Return the ends of a topic's partitions."""
        ends = await self._consumer.end_offsets(await self._partitions(topic))
        return {tp.partition: end for tp, end in ends.items()}

    async def read(self, topic: str, ends: dict[int, int] | None = None) -> AsyncIterator[Any]:
        """Yield every record before these ends, or before those of now."""
        tps = await self._partitions(topic)
        stops = {TopicPartition(topic, p): end for p, end in (ends or await self.ends(topic)).items()}
        self._consumer.assign(tps)
        await self._consumer.seek_to_beginning(*tps)
        while any([await self._consumer.position(tp) < stops[tp] for tp in tps]):
            for tp, batch in (await self._consumer.getmany(timeout_ms=300)).items():
                for record in batch:
                    if record.offset < stops[tp]:
                        yield record

    async def _partitions(self, topic: str) -> list[TopicPartition]:
        await self._consumer._client._wait_on_metadata(topic)
        return [TopicPartition(topic, p) for p in sorted(self._consumer.partitions_for_topic(topic) or [])]


async def observe(seen: Observations, log: Log, asked: dict[int, int], redis_port: int) -> dict[str, int]:
    """Add all that can be read to the observations: commands up to the ends `asked`; return figures beside them."""
    async for record in log.read(ORDER_COMMANDS.name, asked):
        if b'"hops"' in (record.value or b""):  # passed on by a bucket, under the name that it came with
            seen.passed_on.append(dict(record.headers).get("correlation-id", b"").decode())
        elif name := _name(record):
            seen.inputs.append(name)
        seen.poisoned += MARK in record.headers
    through: dict[str, set[int]] = defaultdict(set)
    async for record in log.read(ORDER_REPLIES.name):
        seen.answered.append(dict(record.headers)["correlation-id"].decode())
        if order := json.loads(record.value)["answer"].get("order"):
            through[order["order_id"]].add(record.partition)
    async for record in log.read(WATERMARKS.name):
        seen.answered.append(dict(record.headers)["event-id"].decode().rpartition("-")[0])
    for topic in DEAD_LETTER_TOPICS.values():
        async for record in log.read(topic.name):
            headers = dict(record.headers)
            seen.answered.append(f"{headers['dlq-partition'].decode()}-{headers['dlq-offset'].decode()}")
            seen.dead += 1
    for topic in FACT_TOPICS.values():
        async for record in log.read(topic.name):
            event_id = dict(record.headers)["event-id"].decode()
            fact = Fact(topic.name, record.partition, record.offset, event_id, json.loads(record.value))
            seen.facts.append(fact)
    await _views(seen, redis_port)
    return {"keys answered through several ingress processes": sum(len(p) > 1 for p in through.values())}


def _name(record: Any) -> str | None:
    """Return the name under which a command is answered; None where nobody is to hear of it."""
    headers = dict(record.headers)
    if correlation_id := headers.get("correlation-id"):
        return str(correlation_id.decode())
    if headers.get("event-type") in UNANSWERED:
        return None
    return f"{record.partition}-{record.offset}"


async def _views(seen: Observations, port: int) -> None:
    seen.views, seen.order_views = {}, {}
    async with redis.asyncio.Redis(port=port, decode_responses=True) as client:
        inside = f"{await client.get(view_keys.CURRENT)}:"
        async for key in client.scan_iter(inside + MENUS, count=1000):
            seen.views[key.removeprefix(inside)] = await client.hgetall(key)
        keys = [key async for key in client.scan_iter(inside + ORDERS, count=1000)]
        for start in range(0, len(keys), 1000):
            some = keys[start : start + 1000]
            pipeline = client.pipeline(transaction=False)
            for key in some:
                pipeline.hget(key, "order")
            for key, held in zip(some, await pipeline.execute(), strict=True):
                seen.order_views[key.removeprefix(inside).partition(":")[2]] = held
