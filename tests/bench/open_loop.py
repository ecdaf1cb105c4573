"""Open-loop load: requests are due by a Poisson process and never wait for answers."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable

from msgspec import Struct, field


class Samples(Struct):
    """Latencies in seconds from the moment a request was due to the end of its answer, and statuses."""

    latencies: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    def quantile(self, q: float) -> float:
        """Return a quantile in milliseconds."""
        ordered = sorted(self.latencies)
        return 1000 * ordered[min(len(ordered) - 1, int(len(ordered) * q))]


async def load(rate: float, seconds: float, request: Callable[[int], Awaitable[int]]) -> Samples:
    """Start `rate` requests a second for so long; `request` gets a number and returns a status."""
    samples = Samples()
    chance = random.Random(1)

    async def one(number: int, due: float) -> None:
        status = await request(number)
        samples.latencies.append(time.perf_counter() - due)
        samples.statuses[status] += 1

    tasks = []
    due = time.perf_counter()
    for number in range(int(rate * seconds)):
        due += chance.expovariate(rate)
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        tasks.append(asyncio.create_task(one(number, due)))
    await asyncio.gather(*tasks)
    return samples
