"""How far the processors are behind the ends of their source partitions, measured about once a second."""

import asyncio
import logging

from schemas import metrics
from streams.exactly_once.transport import App

log = logging.getLogger(__name__)

MEASURE_SECONDS = 1.0


async def run(app: App) -> None:
    """Measure until the application stops."""
    while not app.should_stop:
        await asyncio.sleep(MEASURE_SECONDS)
        try:
            await _measure(app)
        except Exception as error:  # the next measurement is a second away
            log.debug("lag: %r", error)


async def _measure(app: App) -> None:
    tps = app.layer.partitions()
    if not tps:
        return
    for tp, end in (await app.consumer.highwaters(*tps)).items():
        position = app.layer.position(tp)
        if position is not None:
            metrics.consumer_lag.labels(tp.topic, str(tp.partition), app.conf.id).set(max(0, end - position))
