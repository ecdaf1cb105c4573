"""The clock: a tick to every partition that this worker has (README, decision 4).

The tick's time is the broker's append time, so the clocks of workers do not matter, and two ticks
at once do no harm.
"""

import asyncio
import os

from faust.types import TP, TopicT

from schemas import codec
from schemas.commands import Tick
from streams.exactly_once.transport import App


async def run(app: App, topic: TopicT, seconds: float) -> None:
    """Tick every partition once in so many seconds, one after the other, until the application stops."""
    while not app.should_stop:
        partitions = app.layer.partitions()
        for tp in partitions:
            await _tick(topic, tp)
            await asyncio.sleep(seconds / len(partitions))
        if not partitions:
            await asyncio.sleep(seconds)


async def _tick(topic: TopicT, tp: TP) -> None:
    """Write one tick, without waiting for the acknowledgement."""
    await topic.send(
        key=b"",
        value=codec.encode(Tick()),
        partition=tp.partition,
        headers=dict(codec.headers(Tick, os.urandom(16).hex(), codec.new_traceparent(sampled=False))),
    )
