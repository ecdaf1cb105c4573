"""The ticker: sends a tick to each partition of this worker (DECISIONS.md, time-is-an-input).

A tick's time is the broker's append time, so the clocks of workers do not matter, and a second tick does no harm.
"""

import asyncio
import os

from faust.types import TP, TopicT

from schemas import codec
from schemas.commands import Tick
from streams.exactly_once.transport import App


async def run(app: App, topic: TopicT, interval_seconds: float) -> None:
    """Send each partition a tick every `interval_seconds`, spread over that time, until the application stops."""
    while not app.should_stop:
        partitions = app.runtime.partitions()
        for tp in partitions:
            await _tick(topic, tp)
            await asyncio.sleep(interval_seconds / len(partitions))
        if not partitions:
            await asyncio.sleep(interval_seconds)


async def _tick(topic: TopicT, tp: TP) -> None:
    """Send one tick, without awaiting the acknowledgement."""
    await topic.send(
        key=b"",
        value=codec.encode(Tick()),
        partition=tp.partition,
        headers=dict(codec.headers(Tick, os.urandom(16).hex(), codec.new_traceparent(sampled=False))),
    )
