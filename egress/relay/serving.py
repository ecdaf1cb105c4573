"""The relay as a part of the process: its Kafka anew whenever that fails."""

import asyncio
import logging

from aiokafka.errors import KafkaError

from egress import retrying
from egress.kafka_group_log import KafkaGroupLog
from egress.relay.kafka_sink import KafkaSink
from egress.relay.relay import Relay
from schemas import metrics
from schemas.settings import Settings
from schemas.topics import BUCKET_COMMANDS

log = logging.getLogger(__name__)

#: The consumer group, in metrics and lag tools.
GROUP = "promo-relay"


async def serve(settings: Settings) -> None:
    """Carry commands over until cancelled; without buckets there are none."""
    if settings.escrow_buckets == 1:
        await asyncio.Event().wait()
    attempt = 0
    while True:
        source = KafkaGroupLog(settings, GROUP, [BUCKET_COMMANDS.name])
        sink = KafkaSink(settings.bootstrap_servers)
        try:
            await sink.start()
            await source.start()
            attempt = 0
            await Relay(source, sink).run()
        except (KafkaError, OSError) as error:
            attempt += 1
            metrics.retries.labels("relay").inc()
            log.warning("commands between buckets are read anew: %r", error)
        finally:
            await source.stop()
            await sink.stop()
        await asyncio.sleep(retrying.wait(attempt))
