"""The observations of an outside reader after the load: the topics, read_committed, and the views in Redis."""

import itertools
import json
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from typing import Any

import redis.asyncio
from aiokafka import AIOKafkaConsumer, TopicPartition

from ingress.commands.client import UNCERTAIN_EXPIRY_SECONDS
from schemas import view_keys
from schemas.runtime.kafka_shutdown import close_quietly
from schemas.topics import DEAD_LETTER_TOPICS, FACT_TOPICS, ORDER_COMMANDS, ORDER_REPLIES, WATERMARKS
from tests.chaos.garbage_producer import MARK
from tests.checker.observations import Fact, InFlightPeak, Observations

#: Commands without a reply.
WITHOUT_REPLY = {b"payment-result", b"mirror", b"ask-portions", b"lend-portions", b"offer-portions"}
MENUS, ORDERS = "menu:*", "order:*"
VIEWS_PER_REQUEST = 1000
#: After this time a command without a reply may not count any more: if its write was not acknowledged.
EXPIRY_MS = int(UNCERTAIN_EXPIRY_SECONDS * 1000)


class TopicReader:
    """Reads whole topics with a consumer of its own."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap

    async def __aenter__(self) -> "TopicReader":
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap, isolation_level="read_committed", enable_auto_commit=False
        )
        await self._consumer.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await close_quietly(self._consumer.stop())

    async def ends(self, topic: str) -> dict[int, int]:
        """Return the end offsets of a topic by partition."""
        ends = await self._consumer.end_offsets(await self._partitions(topic))
        return {tp.partition: end for tp, end in ends.items()}

    async def read(self, topic: str, ends: dict[int, int] | None = None) -> AsyncIterator[Any]:
        """Yield every record before these end offsets, or before the present ones."""
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


async def observe(
    seen: Observations, reader: TopicReader, command_ends: dict[int, int], redis_port: int
) -> dict[str, int]:
    """Add topics and views to the observations, with the commands before `command_ends`; return further figures."""
    changes: dict[str, list[tuple[int, int]]] = defaultdict(list)  # by process: times, and 1 or -1 command
    expiries: dict[bytes, int] = {}  # by correlation id: the time from which a command does not count
    async for record in reader.read(ORDER_COMMANDS.name, command_ends):
        correlation_id = dict(record.headers).get("correlation-id")
        if correlation_id and correlation_id not in expiries:
            changes[_process(correlation_id)].append((record.timestamp, 1))
            expiries[correlation_id] = record.timestamp + EXPIRY_MS
        if b'"hops"' in (record.value or b""):  # forwarded by a bucket, under its first name
            seen.forwarded.append(dict(record.headers).get("correlation-id", b"").decode())
        elif name := _name(record):
            seen.inputs.append(name)
        seen.poisoned += MARK in record.headers
    reply_partitions: dict[str, set[int]] = defaultdict(set)
    async for record in reader.read(ORDER_REPLIES.name):
        correlation_id = dict(record.headers)["correlation-id"]
        seen.answered.append(correlation_id.decode())
        expiries[correlation_id] = min(expiries.get(correlation_id, record.timestamp), record.timestamp)
        if order := json.loads(record.value)["answer"].get("order"):
            reply_partitions[order["order_id"]].add(record.partition)
    for correlation_id, ended_at in expiries.items():
        changes[_process(correlation_id)].append((ended_at, -1))
    seen.in_flight_peaks = [InFlightPeak(name, _peak(found)) for name, found in changes.items()]
    async for record in reader.read(WATERMARKS.name):
        seen.answered.append(dict(record.headers)["event-id"].decode().rpartition("-")[0])
    for topic in DEAD_LETTER_TOPICS.values():
        async for record in reader.read(topic.name):
            headers = dict(record.headers)
            seen.answered.append(f"{headers['dlq-partition'].decode()}-{headers['dlq-offset'].decode()}")
            seen.dead_letters += 1
    for topic in FACT_TOPICS.values():
        async for record in reader.read(topic.name):
            event_id = dict(record.headers)["event-id"].decode()
            fact = Fact(topic.name, record.partition, record.offset, event_id, json.loads(record.value))
            seen.facts.append(fact)
    await _read_views(seen, redis_port)
    repeated = sum(len(partitions) > 1 for partitions in reply_partitions.values())
    return {"keys answered by several ingress processes": repeated}


def _process(correlation_id: bytes) -> str:
    """Return the ingress process that has sent a command."""
    return correlation_id.partition(b"-")[0].decode()


def _peak(changes: list[tuple[int, int]]) -> int:
    """Return the greatest sum of changes up to any time."""
    return max(itertools.accumulate(change for _, change in sorted(changes)), default=0)


def _name(record: Any) -> str | None:
    """Return the name under which a command gets a reply; None if it gets none."""
    headers = dict(record.headers)
    if correlation_id := headers.get("correlation-id"):
        return str(correlation_id.decode())
    if headers.get("event-type") in WITHOUT_REPLY:
        return None
    return f"{record.partition}-{record.offset}"


async def _read_views(seen: Observations, port: int) -> None:
    seen.views, seen.order_views = {}, {}
    async with redis.asyncio.Redis(port=port, decode_responses=True) as client:
        prefix = f"{await client.get(view_keys.CURRENT)}:"
        async for key in client.scan_iter(prefix + MENUS, count=VIEWS_PER_REQUEST):
            seen.views[key.removeprefix(prefix)] = await client.hgetall(key)
        for name in (view_keys.RESTAURANTS, view_keys.PROMOTIONS):
            seen.views[name] = await client.hgetall(prefix + name)
        seen.order_views_read_at = time.time_ns() // 1_000_000
        keys = [key async for key in client.scan_iter(prefix + ORDERS, count=VIEWS_PER_REQUEST)]
        for start in range(0, len(keys), VIEWS_PER_REQUEST):
            some = keys[start : start + VIEWS_PER_REQUEST]
            pipeline = client.pipeline(transaction=False)
            for key in some:
                pipeline.hget(key, "order")
            for key, view in zip(some, await pipeline.execute(), strict=True):
                seen.order_views[key.removeprefix(prefix).partition(":")[2]] = view
