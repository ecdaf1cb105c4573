"""How many records the processors are behind the ends of their source partitions, measured about once a second."""

import asyncio
import logging

from schemas.telemetry.lag import LagReporter
from streams.exactly_once.transport import App

log = logging.getLogger(__name__)

MEASURE_INTERVAL_SECONDS = 1.0


async def run(app: App) -> None:
    """Measure until the application stops."""
    lag = LagReporter(app.conf.id)
    while not app.should_stop:
        await asyncio.sleep(MEASURE_INTERVAL_SECONDS)
        try:
            lag.report(await _measure(app))
        except Exception as error:  # the next measurement is a second away
            log.debug("lag: %r", error)


async def _measure(app: App) -> dict[tuple[str, int], int]:
    """Return how many records there are after the committed position, for each partition of this worker."""
    tps = app.runtime.partitions()
    ends = await app.consumer.highwaters(*tps) if tps else {}
    positions = {tp: app.runtime.position(tp) for tp in ends}
    return {
        (tp.topic, tp.partition): ends[tp] - position
        for tp, position in positions.items()
        if position is not None and ends[tp] is not None  # the end is unknown until the first fetch
    }
