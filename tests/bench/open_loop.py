"""Open-loop load: requests are due by a Poisson process and do not wait for responses."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable

from msgspec import Struct, field

from tests.support.statistics import quantile


class Samples(Struct):
    """Statuses, and latencies in seconds from the moment when a request was due to the end of its response."""

    latencies: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    by_status: dict[int, list[float]] = field(default_factory=dict)

    def add(self, status: int, seconds: float) -> None:
        """Record one response."""
        self.latencies.append(seconds)
        self.statuses[status] += 1
        self.by_status.setdefault(status, []).append(seconds)

    def of(self, status: int) -> "Samples":
        """Return the samples of one status."""
        found = self.by_status.get(status, [])
        return Samples(found, Counter({status: len(found)}), {status: found})

    def quantile(self, q: float) -> float:
        """Return a quantile in milliseconds."""
        return 1000 * quantile(self.latencies, q)


async def load(rate: float, seconds: float, request: Callable[[int], Awaitable[int]]) -> Samples:
    """Start `rate` requests a second for `seconds`; `request` gets a number and returns a status."""
    samples = Samples()
    rng = random.Random(1)

    async def one(number: int, due: float) -> None:
        status = await request(number)
        samples.add(status, time.perf_counter() - due)

    tasks = []
    due = time.perf_counter()
    for number in range(int(rate * seconds)):
        due += rng.expovariate(rate)
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        tasks.append(asyncio.create_task(one(number, due)))
    await asyncio.gather(*tasks)
    return samples
