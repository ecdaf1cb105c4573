"""The egress process: its parts started together, and ended together at a signal or a failure."""

import asyncio
import contextlib
import signal
from collections.abc import Callable
from functools import partial

import aiohttp

from egress import memory_budget, redis_client
from egress.bucket_relay.relay import Relay
from egress.dlq import depth
from egress.kafka.consumers import GroupConsumer, ViewFactConsumer
from egress.kafka.dead_letters import DeadLetterProducer
from egress.kafka.producer import KafkaProducer
from egress.notifications import bootstrap as notifications
from egress.payments import retention
from egress.payments.executor import MAX_CALLS, METRICS_NAME, PaymentExecutor
from egress.payments.http_provider import HttpProvider
from egress.payments.worker import PaymentWorker
from egress.projections.ports import ViewStore
from egress.projections.projector import Projector
from egress.projections.redis_store import RedisViewStore
from egress.resilience.circuit_breaker import CircuitBreaker
from egress.resilience.retry_budget import RetryBudget
from schemas import metrics
from schemas.consumer_groups import BUCKET_RELAY, PAYMENTS
from schemas.runtime.cancellation import run_until_first_ends
from schemas.runtime.kafka_sessions import started
from schemas.runtime.reconnect import run_reconnecting
from schemas.runtime.secret_file import provider_token
from schemas.runtime.topic_preflight import wait_for_topics
from schemas.settings import Settings
from schemas.telemetry import ops, storage


async def serve(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT; raise what a part raises that fails for good, SettingError, TopicsDifferError."""
    token = provider_token(settings)
    metrics.memory_budget.set(memory_budget.total(settings))
    loop = asyncio.get_running_loop()
    if (server := ops.start(settings)) is not None:
        server.watch_loop(loop)
    stop = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop.set)
    await run_until_first_ends(stop.wait(), wait_for_topics(settings))
    if stop.is_set():
        return
    # twice the calls: the call of a caller that was cancelled runs to its end
    connector = aiohttp.TCPConnector(limit=2 * MAX_CALLS)
    async with (
        contextlib.aclosing(redis_client.connect(settings.redis)) as views,
        contextlib.aclosing(redis_client.connect(settings.redis)) as deliveries,
        aiohttp.ClientSession(connector=connector) as http,
    ):
        provider = HttpProvider(http, settings.provider, token, settings.provider_timeout_seconds)
        executor = PaymentExecutor(provider, CircuitBreaker(METRICS_NAME), RetryBudget())
        await run_until_first_ends(
            stop.wait(),
            run_reconnecting("projector", partial(_project, settings, RedisViewStore(views))),
            run_reconnecting("payment worker", partial(_pay, settings, executor)),
            run_reconnecting("payment retention", partial(retention.follow, settings)),
            run_reconnecting("bucket relay", partial(relay, settings)),
            run_reconnecting("dead letter counter", partial(depth.follow, settings)),
            notifications.serve(settings, deliveries),
            storage.report("redis", partial(redis_client.used_share, deliveries)),
        )


async def _project(settings: Settings, store: ViewStore, connected: Callable[[], None]) -> None:
    async with started(ViewFactConsumer(settings)) as facts:
        connected()
        try:
            await Projector(facts, store, DeadLetterProducer(settings.kafka)).run()
        finally:
            metrics.ready.set(0)


async def _pay(settings: Settings, executor: PaymentExecutor, connected: Callable[[], None]) -> None:
    dead_letters = DeadLetterProducer(settings.kafka)
    async with (
        started(KafkaProducer(settings.kafka)) as results,
        started(GroupConsumer(settings, PAYMENTS)) as requests,
    ):
        connected()
        await PaymentWorker(requests, results, dead_letters, executor).run()


async def relay(settings: Settings, connected: Callable[[], None]) -> None:
    """Copy the commands that buckets send each other until cancelled; raises KafkaError."""
    if settings.escrow_buckets == 1:  # buckets send each other nothing
        await asyncio.Event().wait()
    async with (
        started(KafkaProducer(settings.kafka)) as commands,
        started(GroupConsumer(settings, BUCKET_RELAY)) as source,
    ):
        connected()
        await Relay(source, commands).run()
