"""The load over time: a baseline, a promotion with 20 times the reads and 5 times the orders, the baseline again. Pure."""

import random
from collections.abc import Iterator, Sequence
from itertools import accumulate

from msgspec import Struct

#: Factors of the baseline during the promotion.
READ_FACTOR, ORDER_FACTOR = 20, 5
#: Shares of the window before and after the promotion.
SHARE_BEFORE, SHARE_AFTER = 0.2, 0.1
#: The hot restaurant's share of the traffic; the others follow Zipf's law.
HOT_SHARE = 0.3


class Phase(Struct, frozen=True):
    """A duration in seconds at constant rates of reads and orders a second."""

    name: str
    seconds: float
    reads: float
    orders: float


class Profile(Struct, frozen=True):
    """Phases, one after the other, from second 0 on."""

    phases: list[Phase]

    @property
    def seconds(self) -> float:
        """The duration of all phases."""
        return sum(phase.seconds for phase in self.phases)

    @property
    def orders(self) -> float:
        """The expected number of orders."""
        return sum(phase.seconds * phase.orders for phase in self.phases)

    def spans(self) -> Iterator[tuple[float, float, Phase]]:
        """Yield the phases with the seconds of their begin and end."""
        ends = accumulate(phase.seconds for phase in self.phases)
        for phase, end in zip(self.phases, ends, strict=True):
            yield end - phase.seconds, end, phase

    def span(self, name: str) -> tuple[float, float]:
        """Return the seconds of a phase's begin and end."""
        return next((begin, end) for begin, end, phase in self.spans() if phase.name == name)


def window(minutes: float, reads: float, orders: float) -> Profile:
    """Return the profile of a promotion over this baseline of reads and orders a second."""
    seconds = minutes * 60
    surge = 1 - SHARE_BEFORE - SHARE_AFTER
    return Profile(
        [
            Phase("baseline", seconds * SHARE_BEFORE, reads, orders),
            Phase("surge", seconds * surge, reads * READ_FACTOR, orders * ORDER_FACTOR),
            Phase("after", seconds * SHARE_AFTER, reads, orders),
        ]
    )


def arrivals(profile: Profile, kind: str, share: float, rng: random.Random) -> Iterator[float]:
    """Yield the seconds at which the requests of one generator are due: a Poisson process with `share` of the rates."""
    for begin, end, phase in profile.spans():
        rate = share * (phase.reads if kind == "reads" else phase.orders)
        at = begin
        while rate and (at := at + rng.expovariate(rate)) < end:
            yield at


def popularity(restaurants: int) -> Sequence[float]:
    """Return each restaurant's share of the traffic: the first is hot, the others follow Zipf's law (exponent 1)."""
    harmonic = sum(1 / rank for rank in range(1, restaurants))
    return [HOT_SHARE, *((1 - HOT_SHARE) / rank / harmonic for rank in range(1, restaurants))]
