"""Start notifications in the egress process: open their clients in order, reconnect after a Kafka failure."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from aiokafka.errors import KafkaError
from redis.asyncio import Redis

from egress.kafka.consumers import GroupConsumer
from egress.kafka.dead_letters import DeadLetterProducer
from egress.kafka.producer import KafkaProducer, encode
from egress.notifications.attempt_quotas import MAX_ATTEMPTS
from egress.notifications.channel import Channel
from egress.notifications.delivery_state import RedisDeliveryStateStore
from egress.notifications.delivery_worker import DeliveryWorker
from egress.notifications.dispatcher import Dispatcher, NotificationBuilder
from egress.notifications.push import payload as push_payload
from egress.notifications.push.channel import PushChannel
from egress.notifications.push.vapid import VapidSigner
from egress.notifications.recipient_consumer import RecipientConsumer
from egress.notifications.webhooks import payload as webhook_payload
from egress.notifications.webhooks.attempt_log import RedisAttemptLog
from egress.notifications.webhooks.channel import WebhookChannel
from egress.safe_http.client import SafeHttpClient, open_client
from schemas import codec
from schemas.consumer_groups import DELIVERIES, NOTIFICATIONS
from schemas.notifications import PushSubscription
from schemas.runtime import open_files
from schemas.runtime.cancellation import run_until_first_ends
from schemas.runtime.kafka_sessions import started
from schemas.runtime.reconnect import run_reconnecting
from schemas.settings import Settings
from schemas.topics import PUSH_SUBSCRIPTIONS

log = logging.getLogger(__name__)

#: How long a fetch waits for more facts: fewer fetches, for notifications that are later by this much.
GATHER_MS = 100


async def serve(settings: Settings, redis: Redis) -> None:
    """Dispatch and deliver notifications until cancelled; without a webhook secret, only log that they are off."""
    if not settings.webhook_secret:
        log.warning("notifications off: PROMO_WEBHOOK_SECRET is empty")
        await asyncio.Event().wait()
    signer = None
    if settings.vapid_private_key:
        signer = VapidSigner(settings.vapid_private_key, settings.vapid_subject)
    else:
        log.warning("web push off: PROMO_VAPID_PRIVATE_KEY is empty")
    open_files.raise_limit(sum(MAX_ATTEMPTS.values()) * 2)
    allow_private = settings.webhook_allow_private
    # clients of their own: anybody who orders may subscribe any endpoint, and must not hold up a restaurant's webhook
    async with open_client(allow_private) as webhooks, open_client(allow_private) as pushes:
        await run_reconnecting("notifications", partial(_session, settings, redis, webhooks, pushes, signer))


async def _session(
    settings: Settings,
    redis: Redis,
    webhooks: SafeHttpClient,
    pushes: SafeHttpClient,
    signer: VapidSigner | None,
    connected: Callable[[], None],
) -> None:
    """Follow recipients, dispatch and deliver until one of the three fails; raises its exception."""
    dead_letters, states = DeadLetterProducer(settings.kafka), RedisDeliveryStateStore(redis)
    newest_seconds = max(settings.webhook_retry_seconds, settings.push_retry_seconds)
    facts = GroupConsumer(settings, NOTIFICATIONS, newest_seconds=newest_seconds, gather_ms=GATHER_MS)
    deliveries = GroupConsumer(settings, DELIVERIES, None if signer else [WebhookChannel.topic])
    async with (
        started(RecipientConsumer(settings, dead_letters)) as recipients,
        started(KafkaProducer(settings.kafka)) as producer,
        started(facts),
        started(deliveries),
    ):
        connected()
        registry, attempt_log = recipients.registry, RedisAttemptLog(redis)
        builders: list[NotificationBuilder] = [partial(webhook_payload.build, webhook=registry.webhook)]
        channels: list[Channel[Any]] = [
            WebhookChannel(
                webhooks,
                attempt_log,
                registry.webhook,
                settings.webhook_secret,
                registry.webhook_secret_version,
                settings.webhook_retry_seconds,
            )
        ]
        if signer is not None:
            builders.append(partial(push_payload.build, subscriptions=registry.subscriptions))
            unsubscribe, retry_seconds = partial(_unsubscribe, producer), settings.push_retry_seconds
            channels.append(PushChannel(pushes, signer, registry.subscription, unsubscribe, retry_seconds))
        await run_until_first_ends(
            recipients.follow(),
            Dispatcher(facts, recipients.catch_up, builders, producer).run(),
            DeliveryWorker(deliveries, recipients.catch_up, states, dead_letters, channels).run(),
        )


async def _unsubscribe(producer: KafkaProducer, ended: PushSubscription) -> None:
    """Publish the end of a subscription, so that no egress process uses it again."""
    browser = ended.browser()
    message = PushSubscription(ended.restaurant_id, ended.order_id, "unsubscribe", subscription_id=browser)
    record = encode(PUSH_SUBSCRIPTIONS.name, message, f"gone-{ended.order_id}-{browser}", codec.NO_TRACE)
    with contextlib.suppress(KafkaError):  # the next push gets the same answer and publishes it again
        await producer.write([record._replace(key=message.record_key())])
