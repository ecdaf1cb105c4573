"""How far the processors are behind the ends of their source partitions, measured about once a second."""

import asyncio
import logging

from schemas.telemetry.lag import Lag
from streams.exactly_once.transport import App

log = logging.getLogger(__name__)

MEASURE_SECONDS = 1.0


async def run(app: App) -> None:
    """Measure until the application stops."""
    lag = Lag(app.conf.id)
    while not app.should_stop:
        await asyncio.sleep(MEASURE_SECONDS)
        try:
            lag.show(await _measure(app))
        except Exception as error:  # the next measurement is a second away
            log.debug("lag: %r", error)


async def _measure(app: App) -> dict[tuple[str, int], int]:
    """Return how many records behind the committed position there are, of each partition of this worker."""
    tps = app.layer.partitions()
    ends = await app.consumer.highwaters(*tps) if tps else {}
    positions = {tp: app.layer.position(tp) for tp in ends}
    return {
        (tp.topic, tp.partition): ends[tp] - at
        for tp, at in positions.items()
        if at is not None and ends[tp] is not None  # until the first fetch nobody knows the end
    }
