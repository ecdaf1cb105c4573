"""The gateway as a part of the process: its HTTP client for as long as it lives, its Kafka anew whenever that fails."""

import asyncio
import logging

import aiohttp
from aiokafka.errors import KafkaError

from egress import retrying
from egress.gateway.breaker import Breaker
from egress.gateway.budget import RetryBudget
from egress.gateway.clerk import CALLS, NAME, Clerk
from egress.gateway.gateway import Gateway
from egress.gateway.http_provider import HttpProvider
from egress.gateway.kafka_result_log import KafkaResultLog
from egress.gateway.request_log import GROUP
from egress.kafka_dead_letters import KafkaDeadLetters
from egress.kafka_group_log import KafkaGroupLog
from schemas import metrics
from schemas.settings import Settings
from schemas.topics import PAYMENT_REQUESTS

log = logging.getLogger(__name__)


async def serve(settings: Settings) -> None:
    """Carry payment requests out until cancelled."""
    # twice the calls: one whose caller has left may still be under way
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=2 * CALLS)) as session:
        provider = HttpProvider(session, settings.provider, settings.provider_timeout_seconds)
        clerk = Clerk(provider, await Breaker.make(NAME), RetryBudget())
        attempt = 0
        while True:
            requests = KafkaGroupLog(settings, GROUP, [PAYMENT_REQUESTS.name])
            results = KafkaResultLog(settings.bootstrap_servers)
            try:
                await results.start()
                await requests.start()
                attempt = 0
                await Gateway(requests, results, KafkaDeadLetters(settings.bootstrap_servers), clerk).run()
            except (KafkaError, OSError) as error:
                attempt += 1
                metrics.retries.labels("payment requests").inc()
                log.warning("payment requests are read anew: %r", error)
            finally:
                await requests.stop()
                await results.stop()
            await asyncio.sleep(retrying.wait(attempt))
