"""Serving: facts projected and told, payments carried out, dead letters counted, until told to stop."""

import asyncio
import contextlib
import logging
import signal

from aiokafka.errors import KafkaError

from egress import redis_store, retrying
from egress.dlq import depth
from egress.gateway import serving as gateway
from egress.kafka_dead_letters import KafkaDeadLetters
from egress.kafka_fact_log import KafkaFactLog
from egress.notifying import serving as notifying
from egress.projector import Projector
from egress.redis_store import RedisStore
from egress.relay import serving as relay
from egress.view_store import ViewStore
from schemas import metrics
from schemas.ending import end
from schemas.settings import Settings
from schemas.telemetry import ops

log = logging.getLogger(__name__)


async def serve(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT; should one part fail for good, the process ends."""
    if (seen := ops.start(settings)) is not None:
        seen.watch(asyncio.get_running_loop())
    redis = redis_store.connect(settings.redis)
    async with contextlib.aclosing(redis):
        store = RedisStore(redis)
        work = (
            _project(settings, store),
            gateway.serve(settings),
            relay.serve(settings),
            notifying.serve(settings, redis),
            depth.follow(settings),
        )
        parts = [asyncio.ensure_future(part) for part in work]
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for signum in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(signum, stop.set)
        stopped = asyncio.ensure_future(stop.wait())
        await asyncio.wait([*parts, stopped], return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        await asyncio.gather(*map(end, parts))


async def _project(settings: Settings, store: ViewStore) -> None:
    """Project; whenever Kafka fails, begin anew from where the views stand."""
    attempt = 0
    while True:
        facts = KafkaFactLog(settings)
        try:
            await facts.start()
            attempt = 0
            await Projector(facts, store, KafkaDeadLetters(settings.bootstrap_servers)).run()
        except (KafkaError, OSError) as error:
            attempt += 1
            metrics.ready.set(0)
            metrics.retries.labels("facts").inc()
            log.warning("facts are read anew: %r", error)
        finally:
            await facts.stop()
        await asyncio.sleep(retrying.wait(attempt))
