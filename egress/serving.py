"""Serving: the parts opened in order, facts projected until told to stop, the parts closed."""

import asyncio
import contextlib
import logging
import signal

from aiokafka.errors import KafkaError
from prometheus_client import start_http_server

from egress import dead_letters, redis_store, retrying
from egress.kafka_fact_log import KafkaFactLog
from egress.projector import Projector
from egress.redis_store import RedisStore
from egress.view_store import ViewStore
from schemas import metrics
from schemas.settings import Settings

log = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"


async def serve(settings: Settings) -> None:
    """Project until SIGTERM or SIGINT."""
    if settings.ops_port:
        start_http_server(settings.ops_port, LOOPBACK)
    redis = redis_store.connect(settings.redis)
    async with contextlib.aclosing(redis):
        work = asyncio.gather(_project(settings, RedisStore(redis)), dead_letters.run(settings))
        loop = asyncio.get_running_loop()
        for signum in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(signum, work.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await work


async def _project(settings: Settings, store: ViewStore) -> None:
    """Project; whenever Kafka fails, begin anew from where the views stand."""
    attempt = 0
    while True:
        facts = KafkaFactLog(settings)
        try:
            await facts.start()
            attempt = 0
            await Projector(facts, store).run()
        except (KafkaError, OSError) as error:
            attempt += 1
            metrics.ready.set(0)
            metrics.retries.labels("facts").inc()
            log.warning("facts are read anew: %r", error)
        finally:
            await facts.stop()
        await asyncio.sleep(retrying.wait(attempt))
