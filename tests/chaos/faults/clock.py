"""Faults of the broker's clock: it stamps one command with a time that is a day ahead, and an operator comes."""

import asyncio
import time

from schemas.settings import Settings
from tests.chaos.faults.fault import Injection
from tests.chaos.operators import CommandFailedError, run_command
from tests.support.exactly_once.leaping_clock import stamp_tomorrow

#: How long the partition stays stopped at least, and until when an operator must have been able to accept.
STOPPED_SECONDS, ACCEPTED_WITHIN_SECONDS = 3.0, 30.0


async def leap(injection: Injection) -> None:
    """Stamp a tick of one partition with the time of tomorrow; accept it as an operator does, at the time before."""
    target, partition = injection.target, injection.rng.randrange(Settings().partitions)
    await stamp_tomorrow(target.stack.bootstrap, partition)
    await asyncio.sleep(STOPPED_SECONDS)
    accept = ("clock", "accept", str(partition), "--keep-time", "--reason", "a fault")
    deadline = time.monotonic() + ACCEPTED_WITHIN_SECONDS
    while True:
        try:
            await run_command(target, "compose", *accept)
            return
        except CommandFailedError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(1.0)
