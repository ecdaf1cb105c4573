"""`python -m egress webhooks`: the command line of webhooks."""

import argparse
import contextlib
from uuid import uuid4

from aiokafka import TopicPartition

from egress import redis_client
from egress.command_error import CommandError
from egress.kafka.decoding import UnreadableError, decode
from egress.kafka.producer import KafkaProducer, encode
from egress.kafka.records import Record, record_of
from egress.notifications.recipients import RecipientRegistry
from egress.notifications.webhooks.attempt_log import MAX_ATTEMPTS, Attempt, RedisAttemptLog
from egress.safe_http.client import origin
from schemas import timestamps
from schemas.notifications import WebhookDelivery
from schemas.runtime.kafka_clients import CLI_REQUEST_TIMEOUT_MS, make_consumer
from schemas.runtime.kafka_sessions import read_to_end, started
from schemas.runtime.partitioner import partition
from schemas.settings import Settings
from schemas.topics import CATALOG_CHANGED, WEBHOOK_DELIVERIES


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the `webhooks` command and its actions to the command line of egress."""
    webhooks = commands.add_parser("webhooks", help="list webhooks, show their attempts, redeliver messages")
    actions = webhooks.add_subparsers(dest="action", required=True, metavar="action")
    actions.add_parser("list", help="list every webhook: origin, on or off, last attempt")
    log = actions.add_parser(
        "log", help="print the last attempts at the webhook of a restaurant, newest first"
    )
    log.add_argument("restaurant")
    log.add_argument(
        "--last", type=int, default=20, metavar="N", help=f"number of attempts, at most {MAX_ATTEMPTS}"
    )
    redeliver = actions.add_parser(
        "redeliver",
        help="send a message of the last three days again, with the same webhook-id, to the current URL",
    )
    redeliver.add_argument("restaurant")
    redeliver.add_argument("message", help="webhook-id of the message")
    enable = actions.add_parser("enable", help="enable a webhook that a 410 response has disabled")
    enable.add_argument("restaurant")


async def execute(settings: Settings, arguments: argparse.Namespace) -> str:
    """Run the command and return the text to print; raises CommandError, OSError, KafkaError, RedisError."""
    async with contextlib.aclosing(redis_client.connect(settings.redis)) as redis:
        attempt_log = RedisAttemptLog(redis)
        match arguments.action:
            case "list":
                return await _list(settings, attempt_log)
            case "log":
                attempts = await attempt_log.attempts(arguments.restaurant, min(arguments.last, MAX_ATTEMPTS))
                if not attempts:
                    raise CommandError(f"no attempts at a webhook of {arguments.restaurant} are recorded")
                return "\n".join(map(_render, attempts))
            case "enable":
                return "enabled" if await attempt_log.enable(arguments.restaurant) else "was not off"
    return await _redeliver(settings, arguments.restaurant, arguments.message)


async def _list(settings: Settings, attempt_log: RedisAttemptLog) -> str:
    registry = RecipientRegistry()
    consumer = make_consumer(settings.kafka, CATALOG_CHANGED.name, request_timeout_ms=CLI_REQUEST_TIMEOUT_MS)
    async with started(consumer):
        async for raw in read_to_end(consumer):
            registry.apply(record_of(raw))
    restaurants = registry.restaurants_with_webhook()
    lines = []
    for restaurant in sorted(restaurants, key=lambda restaurant: restaurant.restaurant_id):
        restaurant_id, url = restaurant.restaurant_id, restaurant.webhook or ""
        state = "off" if await attempt_log.is_disabled(restaurant_id, url) else "on"
        last = await attempt_log.attempts(restaurant_id, 1)
        attempt = _render(last[0]) if last else "no attempts"
        lines.append(f"{restaurant_id}  {origin(url)}  {state}  {attempt}")
    if not lines:
        raise CommandError("no restaurant has a webhook")
    return "\n".join(lines)


async def _redeliver(settings: Settings, restaurant_id: str, message_id: str) -> str:
    record, delivery = await _find(settings, restaurant_id, message_id)
    # a new event id: the delivery worker would skip the original one as a copy
    message = encode(WEBHOOK_DELIVERIES.name, delivery, f"again-{uuid4().hex}", record.traceparent)
    async with started(KafkaProducer(settings.kafka)) as producer:
        await producer.write([message])
    return "will be delivered again"


async def _find(settings: Settings, restaurant_id: str, message_id: str) -> tuple[Record, WebhookDelivery]:
    """Return the first delivery of this message, from the partition of the restaurant; raises CommandError."""
    numbers = list(range(settings.partitions))
    number = partition(restaurant_id.encode(), numbers, numbers)
    async with started(make_consumer(settings.kafka, request_timeout_ms=CLI_REQUEST_TIMEOUT_MS)) as consumer:
        consumer.assign([TopicPartition(WEBHOOK_DELIVERIES.name, number)])
        async for raw in read_to_end(consumer):
            record = record_of(raw)
            with contextlib.suppress(UnreadableError):
                delivery = decode(WebhookDelivery, record)
                if (delivery.restaurant_id, delivery.message_id) == (restaurant_id, message_id):
                    return record, delivery
    raise CommandError(f"no message {message_id} for {restaurant_id} in the last three days")


def _render(attempt: Attempt) -> str:
    at = timestamps.to_text(int(attempt.at * 1000))
    status = f" {attempt.status}" if attempt.status else ""
    error = f"  {attempt.error}" if attempt.error else ""
    return (
        f"{at}  {attempt.message_id}  {attempt.event}  {attempt.order_id}  attempt {attempt.attempt}"
        f"  {attempt.result}{status}  {attempt.seconds * 1000:.0f} ms{error}"
    )
