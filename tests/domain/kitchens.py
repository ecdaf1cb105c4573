"""Simulated kitchens: orders come at random, so many are made at once, in the order in which they came."""

import heapq
import random
from collections.abc import Callable
from datetime import datetime

from msgspec import Struct

from schemas.instants import to_milliseconds
from streams.domain import kitchen

MINUTE = 60_000


class Kitchen(Struct, frozen=True):
    """How a kitchen works: how many orders at once, how long one takes (ms), and how many it is asked for.

    `load` is a share of what it can make; above 1 the queue grows.
    """

    capacity: int
    preparation: Callable[[random.Random], float]
    load: float


class Outcome(Struct, frozen=True):
    """What was said of an order, and what came of it; milliseconds from its arrival."""

    p50: float
    p90: float
    took: float


def run(simulated: Kitchen, orders: int, seed: int) -> list[Outcome]:
    """Let orders come to a kitchen; return what became of those that came when it had been measured."""
    chance = random.Random(seed)
    mean = sum(simulated.preparation(random.Random(n)) for n in range(2000)) / 2000
    now, made, outcomes = 0.0, 0, []
    ready: list[tuple[float, float]] = []  # of those that were begun: when ready, and how long it took
    places = [0.0] * simulated.capacity  # when each is free
    measured: list[int] = []
    for _ in range(orders):
        now += chance.expovariate(simulated.load * simulated.capacity / mean)
        while ready and ready[0][0] <= now:
            measured = kitchen.remember(measured, round(heapq.heappop(ready)[1]))
            made += 1
        said = kitchen.eta(round(now), len(ready), simulated.capacity, measured)
        begins = max(now, heapq.heappop(places))
        takes = simulated.preparation(chance)
        heapq.heappush(places, begins + takes)
        heapq.heappush(ready, (begins + takes, takes))
        if made >= kitchen.REMEMBERED:
            outcomes.append(Outcome(_since(said.p50, now), _since(said.p90, now), begins + takes - now))
    return outcomes


def _since(instant: str, now: float) -> float:
    return to_milliseconds(datetime.fromisoformat(instant)) - now
