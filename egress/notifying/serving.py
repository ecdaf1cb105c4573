"""Notifications as a part of the process: what they need opened in order, and anew whenever Kafka fails."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Any, NamedTuple

from aiokafka.errors import KafkaError
from redis.asyncio import Redis

from egress import retrying
from egress.kafka_dead_letters import KafkaDeadLetters
from egress.kafka_group_log import KafkaGroupLog
from egress.notifying import courier, dispatcher
from egress.notifying.channel import Channel
from egress.notifying.courier import Courier
from egress.notifying.dispatcher import Dispatcher, Teller
from egress.notifying.kafka_directory import KafkaDirectory
from egress.notifying.kafka_outbox import KafkaOutbox
from egress.notifying.outbox import Letter
from egress.notifying.redis_memory import RedisMemory
from egress.push import payload as pushed
from egress.push.channel import Pushes
from egress.push.vapid import Signer
from egress.ssrf import client
from egress.ssrf.client import Client
from egress.webhooks import payload as hooked
from egress.webhooks.channel import Webhooks
from egress.webhooks.redis_ledger import RedisLedger
from schemas import codec, metrics
from schemas.ending import end
from schemas.notifications import PushSubscription
from schemas.settings import Settings
from schemas.topics import PUSH_SUBSCRIPTIONS

log = logging.getLogger(__name__)

#: How long the broker lets facts gather before somebody is told of them, in milliseconds.
GATHER_MS = 100


async def serve(settings: Settings, redis: Redis) -> None:
    """Tell facts to whom they concern until cancelled; without the secrets to do so, only say that."""
    if not settings.token_secret:
        log.warning("PROMO_TOKEN_SECRET is empty: nobody is notified")
        await asyncio.Event().wait()
    signer = (
        Signer(settings.vapid_private_key, settings.vapid_subject) if settings.vapid_private_key else None
    )
    if signer is None:
        log.warning("PROMO_VAPID_PRIVATE_KEY is empty: nothing is pushed")
    async with client.opened(settings.webhook_allow_private) as poster:
        attempt = 0
        while True:
            try:
                async with _opened(settings) as parts:
                    attempt = 0
                    routes = _routes(settings, poster, redis, signer, parts)
                    await _work(settings, redis, parts, routes)
            except (KafkaError, OSError) as error:
                attempt += 1
                metrics.retries.labels("notifications").inc()
                log.warning("notifications begin anew: %r", error)
            await asyncio.sleep(retrying.wait(attempt))


class Parts(NamedTuple):
    """What is read and written."""

    directory: KafkaDirectory
    outbox: KafkaOutbox
    facts: KafkaGroupLog
    deliveries: KafkaGroupLog


class Route(NamedTuple):
    """Who says whom a fact is told, and who tells it."""

    teller: Teller
    channel: Channel[Any]


@contextlib.asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[Parts]:
    """Open what is read and written; raises KafkaError."""
    servers = settings.bootstrap_servers
    newest = max(settings.webhook_retry_seconds, settings.push_retry_seconds)
    topics = [Webhooks.topic, Pushes.topic] if settings.vapid_private_key else [Webhooks.topic]
    parts = Parts(
        KafkaDirectory(settings, KafkaDeadLetters(servers)),
        KafkaOutbox(servers),
        KafkaGroupLog(settings, dispatcher.GROUP, dispatcher.TOPICS, newest, GATHER_MS),
        KafkaGroupLog(settings, courier.GROUP, topics),
    )
    async with contextlib.AsyncExitStack() as stack:
        for part in parts:
            stack.push_async_callback(part.stop)
            await part.start()
        yield parts


def _routes(
    settings: Settings, poster: Client, redis: Redis, signer: Signer | None, parts: Parts
) -> Sequence[Route]:
    held = parts.directory.held
    hooks = Webhooks(
        poster, RedisLedger(redis), held.webhook, settings.token_secret, settings.webhook_retry_seconds
    )
    routes = [Route(partial(hooked.tell, webhook=held.webhook), hooks)]
    if signer is not None:
        forget = partial(_forget, parts.outbox)
        pushes = Pushes(poster, signer, held.browser, forget, settings.push_retry_seconds)
        routes.append(Route(partial(pushed.tell, browsers=held.browsers), pushes))
    return routes


async def _work(settings: Settings, redis: Redis, parts: Parts, routes: Sequence[Route]) -> None:
    """Follow, dispatch and deliver until one of them fails; raises what it raised."""
    directory = parts.directory
    graves = KafkaDeadLetters(settings.bootstrap_servers)
    channels = [route.channel for route in routes]
    await _together(
        directory.follow(),
        Dispatcher(parts.facts, directory.catch_up, [route.teller for route in routes], parts.outbox).run(),
        Courier(parts.deliveries, directory.catch_up, RedisMemory(redis), graves, channels).run(),
    )


async def _forget(outbox: KafkaOutbox, gone: PushSubscription) -> None:
    """Write down that a browser is gone, so that no process tells it again."""
    message = PushSubscription(gone.restaurant_id, gone.order_id, "unsubscribe", gone.endpoint)
    event_id = f"gone-{gone.order_id}-{pushed.short(gone.endpoint or '')}"
    with contextlib.suppress(KafkaError):  # then it says so again
        await outbox.send([Letter(PUSH_SUBSCRIPTIONS.name, event_id, message, codec.NO_TRACE)])


async def _together(*work: Any) -> None:
    """Run all until one fails; raises what it raised once the others have ended."""
    tasks = [asyncio.ensure_future(part) for part in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        await asyncio.gather(*map(end, tasks), return_exceptions=True)
