"""`python -m egress webhooks`: what an operator, or a restaurant by way of one, asks about webhooks."""

import argparse
import asyncio
import contextlib
import sys
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.partitioner import murmur2
from redis.exceptions import RedisError

from egress import redis_store
from egress.fact_log import Record
from egress.fact_reading import UnreadableError
from egress.kafka_fact_log import records_of
from egress.notifying.kafka_directory import KafkaDirectory
from egress.notifying.kafka_outbox import KafkaOutbox
from egress.notifying.outbox import Letter
from egress.notifying.reading import read
from egress.ssrf.client import origin
from egress.webhooks.ledger import Attempt
from egress.webhooks.redis_ledger import MOST_ATTEMPTS, RedisLedger
from schemas import codec, instants
from schemas.letting_go import let_go
from schemas.notifications import WebhookDelivery
from schemas.settings import Settings
from schemas.topics import CATALOG_CHANGED, WEBHOOK_DELIVERIES

#: Longest silence of a broker on one request, in milliseconds; more than a fetch waits for data.
REQUEST_TIMEOUT_MS = 10_000


class Refusal(Exception):
    """What was asked cannot be done; the message is for the person who asked."""


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `webhooks` to the command line."""
    webhooks = commands.add_parser("webhooks", help="look at webhooks' deliveries, make one again")
    actions = webhooks.add_subparsers(dest="action", required=True, metavar="action")
    actions.add_parser("list", help="every webhook: on or off, and its last attempt")
    log = actions.add_parser("log", help="the last attempts at one restaurant's webhook, the newest first")
    log.add_argument("restaurant")
    log.add_argument("--last", type=int, default=20, metavar="N", help=f"how many, at most {MOST_ATTEMPTS}")
    again = actions.add_parser(
        "redeliver", help="deliver a message of the last three days again, under its id, to where it goes now"
    )
    again.add_argument("restaurant")
    again.add_argument("message", help="its webhook-id")
    on = actions.add_parser("enable", help="switch a webhook on again that had answered 410")
    on.add_argument("restaurant")


def run(settings: Settings, arguments: argparse.Namespace) -> int:
    """Do what was asked; 0 when it is done."""
    try:
        print(asyncio.run(carry_out(settings, arguments)))
    except (Refusal, OSError, KafkaError, RedisError) as error:
        print(str(error) or repr(error), file=sys.stderr)
        return 1
    return 0


async def carry_out(settings: Settings, arguments: argparse.Namespace) -> str:
    """Do what was asked, and return what there is to say; raises Refusal, OSError, KafkaError, RedisError."""
    async with contextlib.aclosing(redis_store.connect(settings.redis)) as redis:
        ledger = RedisLedger(redis)
        match arguments.action:
            case "list":
                return await _list(settings, ledger)
            case "log":
                attempts = await ledger.attempts(arguments.restaurant, min(arguments.last, MOST_ATTEMPTS))
                return "\n".join(map(_line, attempts)) or "no attempts"
            case "enable":
                return "enabled" if await ledger.switch_on(arguments.restaurant) else "was not off"
    return await _redeliver(settings, arguments.restaurant, arguments.message)


async def _list(settings: Settings, ledger: RedisLedger) -> str:
    directory = KafkaDirectory(settings, None, [CATALOG_CHANGED.name])
    following: asyncio.Task[None] | None = None
    try:
        await directory.start()
        following = asyncio.ensure_future(directory.follow())
        await directory.catch_up()
    finally:
        if following is not None:
            following.cancel()
        await directory.stop()
    lines = []
    for restaurant in sorted(directory.held.restaurants(), key=lambda held: held.restaurant_id):
        url = restaurant.webhook or ""
        state = "off" if await ledger.is_off(restaurant.restaurant_id, url) else "on"
        last = await ledger.attempts(restaurant.restaurant_id, 1)
        lines.append(
            f"{restaurant.restaurant_id}  {origin(url)}  {state}  {_line(last[0]) if last else 'no attempts'}"
        )
    return "\n".join(lines) or "no webhooks"


async def _redeliver(settings: Settings, restaurant_id: str, message_id: str) -> str:
    found = await _find(settings, restaurant_id, message_id)
    if found is None:
        raise Refusal(f"no message {message_id} was for {restaurant_id} in the last three days")
    record, delivery = found
    traceparent = codec.header(record.headers, "traceparent") or codec.NO_TRACE
    outbox = KafkaOutbox(settings.bootstrap_servers)
    try:
        await outbox.start()
        # an id of its own: under the first one it would be taken for done
        await outbox.send([Letter(WEBHOOK_DELIVERIES.name, f"again-{uuid4().hex}", delivery, traceparent)])
    finally:
        await outbox.stop()
    return "will be delivered again"


async def _find(
    settings: Settings, restaurant_id: str, message_id: str
) -> tuple[Record, WebhookDelivery] | None:
    """Return the first delivery of this message; all of a restaurant stand in one partition."""
    key = restaurant_id.encode()
    tp = TopicPartition(WEBHOOK_DELIVERIES.name, (murmur2(key) & 0x7FFFFFFF) % settings.partitions)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.bootstrap_servers,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        request_timeout_ms=REQUEST_TIMEOUT_MS,
    )
    try:
        await consumer.start()
        consumer.assign([tp])
        end = (await consumer.end_offsets([tp]))[tp]
        while await consumer.position(tp) < end:
            for record in records_of(await consumer.getmany(timeout_ms=200)):
                with contextlib.suppress(UnreadableError):
                    if record.key == key and (d := read(WebhookDelivery, record)).message_id == message_id:
                        return record, d
        return None
    finally:
        await let_go(consumer.stop())


def _line(attempt: Attempt) -> str:
    at = instants.to_text(int(attempt.at * 1000))
    answered = f" {attempt.status}" if attempt.status else ""
    error = f"  {attempt.error}" if attempt.error else ""
    return (
        f"{at}  {attempt.message_id}  {attempt.event}  {attempt.order_id}  attempt {attempt.attempt}"
        f"  {attempt.result}{answered}  {attempt.seconds * 1000:.0f} ms{error}"
    )
