"""Simulated kitchens: orders arrive at random and are prepared in their order, up to a capacity at once."""

import heapq
import random
from collections.abc import Callable

from msgspec import Struct

from schemas.timestamps import EpochMs, Milliseconds, from_text
from streams.domain.eta import MAX_PREPARATIONS, estimate, record_preparation

MINUTE = 60_000


class SimulatedKitchen(Struct, frozen=True):
    """A kitchen: orders at once, the preparation of one (ms), and the load as a share of its capacity.

    With a load above 1 the queue grows.
    """

    capacity: int
    preparation: Callable[[random.Random], float]
    load: float


class EstimatedOrder(Struct, frozen=True):
    """The estimate of one order, and how long it took; milliseconds from its arrival."""

    p50: float
    p90: float
    took: float


def run(kitchen: SimulatedKitchen, orders: int, seed: int) -> list[EstimatedOrder]:
    """Simulate a kitchen; return the orders that arrived once it had all of its measurements."""
    chance = random.Random(seed)
    mean = sum(kitchen.preparation(random.Random(n)) for n in range(2000)) / 2000
    now, ready_count, estimated = 0.0, 0, []
    ready: list[tuple[float, float]] = []  # orders in preparation: when ready, and the duration
    places = [0.0] * kitchen.capacity  # when each place is free
    measured: list[Milliseconds] = []
    for _ in range(orders):
        now += chance.expovariate(kitchen.load * kitchen.capacity / mean)
        while ready and ready[0][0] <= now:
            measured = record_preparation(measured, Milliseconds(round(heapq.heappop(ready)[1])))
            ready_count += 1
        eta = estimate(EpochMs(round(now)), len(ready), kitchen.capacity, measured)
        begins = max(now, heapq.heappop(places))
        takes = kitchen.preparation(chance)
        heapq.heappush(places, begins + takes)
        heapq.heappush(ready, (begins + takes, takes))
        if ready_count >= MAX_PREPARATIONS:
            estimated.append(EstimatedOrder(_since(eta.p50, now), _since(eta.p90, now), begins + takes - now))
    return estimated


def _since(instant: str, now: float) -> float:
    return from_text(instant) - now
