"""The load over time: a baseline, then the promotion's twentyfold reads and fivefold orders, then the baseline again. Pure."""

import random
from collections.abc import Iterator, Sequence
from itertools import accumulate

from msgspec import Struct

#: What a promotion makes of the baseline.
READS_TIMES, ORDERS_TIMES = 20, 5
#: Shares of the window: before the promotion, and after it.
BEFORE, AFTER = 0.2, 0.1
#: The hot restaurant's share of the traffic; the others' is Zipf's.
HOT_SHARE = 0.3


class Phase(Struct, frozen=True):
    """So many seconds of so many reads and orders a second."""

    name: str
    seconds: float
    reads: float
    orders: float


class Profile(Struct, frozen=True):
    """Phases, one after the other, from second 0 on."""

    phases: list[Phase]

    @property
    def seconds(self) -> float:
        """Return how long all of it lasts."""
        return sum(phase.seconds for phase in self.phases)

    @property
    def orders(self) -> float:
        """Return how many orders are expected in all."""
        return sum(phase.seconds * phase.orders for phase in self.phases)

    def spans(self) -> Iterator[tuple[float, float, Phase]]:
        """Yield the phases with their begin and end."""
        ends = accumulate(phase.seconds for phase in self.phases)
        for phase, end in zip(self.phases, ends, strict=True):
            yield end - phase.seconds, end, phase

    def middle(self, name: str) -> float:
        """Return the second in the middle of a phase."""
        return next((begin + end) / 2 for begin, end, phase in self.spans() if phase.name == name)


def window(minutes: float, reads: float, orders: float) -> Profile:
    """Return a promotion's window over a baseline of so many reads and orders a second."""
    seconds = minutes * 60
    surge = 1 - BEFORE - AFTER
    return Profile(
        [
            Phase("baseline", seconds * BEFORE, reads, orders),
            Phase("surge", seconds * surge, reads * READS_TIMES, orders * ORDERS_TIMES),
            Phase("after", seconds * AFTER, reads, orders),
        ]
    )


def arrivals(profile: Profile, kind: str, share: float, rng: random.Random) -> Iterator[float]:
    """Yield the seconds at which one of several generators is to ask: a Poisson process, `share` of the whole."""
    for begin, end, phase in profile.spans():
        rate = share * (phase.reads if kind == "reads" else phase.orders)
        at = begin
        while rate and (at := at + rng.expovariate(rate)) < end:
            yield at


def popularity(restaurants: int) -> Sequence[float]:
    """Return each restaurant's share of the traffic: the first is hot, the others' are Zipf's (exponent 1)."""
    harmonic = sum(1 / rank for rank in range(1, restaurants))
    return [HOT_SHARE, *((1 - HOT_SHARE) / rank / harmonic for rank in range(1, restaurants))]
