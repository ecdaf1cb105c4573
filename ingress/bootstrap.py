"""An ingress process: opens its parts in order, serves requests, and closes the parts in reverse order."""

import asyncio
import contextlib
import logging
import signal
import zlib
from functools import partial
from typing import Any

import aiohttp

from ingress.app import connection_factory, make_app
from ingress.commands.client import CommandClient
from ingress.commands.producer import KafkaRecordProducer
from ingress.commands.reply_consumer import ReplyConsumer
from ingress.customers.messenger import HttpMessenger
from ingress.customers.partner_tokens import make_partner_tokens
from ingress.customers.redis_codes import RedisCodes
from ingress.customers.verifications import Verifications
from ingress.handlers.health import Health
from ingress.http.issued_tokens import IssuedTokens
from ingress.issuing.token_log import TokenFollower
from ingress.live.redis_feeds import RedisFeeds, connect_for_messages
from ingress.memory import budgets
from ingress.privacy.customer_ids import phone_customer_id
from ingress.privacy.keyring import Keyring
from ingress.privacy.keyring_log import KeyringFollower
from ingress.privacy.wrapping import Wrapping
from ingress.server.connection_limits import limited_connections
from ingress.server.listener import listen
from ingress.views import redis_views
from ingress.views.redis_answers import RedisAnswers
from ingress.views.redis_views import RedisViews
from schemas import metrics
from schemas.runtime.cancellation import in_background, run_until_first_ends
from schemas.runtime.topic_preflight import wait_for_topics
from schemas.settings import Settings
from schemas.telemetry import loop_steps, ops, storage

log = logging.getLogger(__name__)

#: How long requests in flight may take at shutdown beyond the longest wait for a reply, in seconds.
SHUTDOWN_GRACE_SECONDS = 1.0


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then finish the requests in flight. Raises TopicsDifferError."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop.set)
    if (ops_server := ops.start(settings)) is not None:
        ops_server.watch_loop(loop)
    await run_until_first_ends(stop.wait(), wait_for_topics(settings))
    if stop.is_set():
        return
    partition = reply_partition(settings)
    producer = KafkaRecordProducer(settings.kafka)
    commands = CommandClient(
        producer, partition, settings.max_in_flight_commands, settings.admission_target_delay_seconds
    )
    replies = ReplyConsumer(settings.kafka, partition, commands.deliver)
    keyring = Keyring(Wrapping(settings.privacy_secret))
    keys = KeyringFollower(settings.kafka, keyring)
    issued = IssuedTokens()
    tokens = TokenFollower(settings.kafka, issued)
    redis = redis_views.connect(settings.redis)
    messages = connect_for_messages(settings.redis)
    views = RedisViews(redis)
    checks = {"commands": producer.is_reachable, "replies": replies.is_reading, "keys": keys.is_complete}
    checks |= {"tokens": tokens.is_complete}
    health = Health(checks | {"views": views.ping})
    async with (
        contextlib.aclosing(redis),
        contextlib.aclosing(messages),
        in_background(producer.run()) as producing,
        in_background(replies.run()) as consuming,
        in_background(keys.run()) as following,
        in_background(tokens.run()) as following_tokens,
        in_background(loop_steps.measure()),
        in_background(storage.report("keyring", partial(_keyring_share, keyring))),
        aiohttp.ClientSession() as session,
    ):
        for task in (producing, consuming, following, following_tokens):
            task.add_done_callback(lambda _: stop.set())  # a part that failed stops the process
        connected = asyncio.gather(
            producer.connected.wait(), replies.reading.wait(), keys.complete.wait(), tokens.complete.wait()
        )
        if not await _done_before(connected, stop):
            return
        messenger = HttpMessenger(session, settings.messaging, settings.messaging_timeout_seconds)
        app = make_app(
            settings,
            commands,
            views,
            RedisAnswers(redis),
            health,
            keyring,
            RedisFeeds(redis, messages),
            issued,
            Verifications(
                settings, RedisCodes(redis, settings), messenger, partial(phone_customer_id, keyring)
            ),
            make_partner_tokens(settings, session),
        )
        async with listen(
            app,
            connection_factory(app),
            settings.http_host,
            settings.http_port,
            settings.order_reply_timeout_seconds + SHUTDOWN_GRACE_SECONDS,
            limited_connections(settings),
        ):
            metrics.ready.set(1)
            log.info(
                "ready on %s:%d, replies in partition %d", settings.http_host, settings.http_port, partition
            )
            await stop.wait()
            metrics.ready.set(0)


async def _keyring_share(keyring: Keyring) -> float:
    return keyring.erased_count / budgets.MAX_FORGOTTEN


def reply_partition(settings: Settings) -> int:
    """Return this process's partition of the replies topic, from the number in its name: 1 for `ingress-2`.

    A name without a number, as Kubernetes gives, is hashed. Then two processes may share a partition, and each skips
    the other's replies.
    """
    number = settings.instance.rpartition("-")[2]
    index = int(number) - 1 if number.isdigit() else zlib.crc32(settings.instance.encode())
    return index % settings.reply_partitions


async def _done_before(future: asyncio.Future[Any], stop: asyncio.Event) -> bool:
    """Return True when the future is done; cancel it and return False if the stop comes first."""
    stopped = asyncio.ensure_future(stop.wait())
    await asyncio.wait([stopped, future], return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    return not future.cancel()
