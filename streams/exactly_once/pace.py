"""How long messages of a partition gather before the next transaction. Pure.

A transaction costs broker and worker as much however little is in it, on cores that all share. Where few messages come
to a worker they wait for nobody. Where many come, those of a partition wait for the next, if it will be there soon.
"""

import math

#: Messages a second to all partitions of a worker, up to which nobody waits.
FEW = 80.0
#: How long messages gather, in seconds, where so many more are expected meanwhile.
GATHER, ENOUGH = 0.03, 0.4
#: Over how long it is measured how many come, in seconds.
MEMORY = 1.0


class Pace:
    """What the partitions of a worker know of each other: how many messages come to each."""

    def __init__(self, few: float = FEW) -> None:
        """Begin with nothing seen; take up to how many messages a second nobody waits."""
        self._few = few
        self._rates: dict[str, float] = {}  # messages a second, when it was measured
        self._measured: dict[str, float] = {}

    def pause(self, name: str, now: float) -> float:
        """Return for how many seconds a partition that has messages waits before it takes them."""
        if self._rate(name, now) * GATHER < ENOUGH:
            return 0.0
        return GATHER if sum(self._rate(of, now) for of in self._rates) > self._few else 0.0

    def takes(self, name: str, messages: int, now: float) -> None:
        """Hear that a partition takes so many messages."""
        seconds = max(1e-6, now - self._measured.get(name, now - MEMORY))
        rate = self._rates.get(name, 0.0)
        self._rates[name] = rate - math.expm1(-seconds / MEMORY) * (messages / seconds - rate)
        self._measured[name] = now

    def _rate(self, name: str, now: float) -> float:
        """Return what was measured, the less the longer ago."""
        if name not in self._rates:
            return 0.0
        return self._rates[name] * math.exp((self._measured[name] - now) / MEMORY)
