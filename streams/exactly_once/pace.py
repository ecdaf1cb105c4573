"""How long a partition waits before its next transaction. Pure.

A transaction costs broker and worker as much however little is in it. Where fewer messages come than transactions may
begin, nobody waits. Where more come, what comes meanwhile goes into one: a worker begins no more than so many a second,
and a partition rests for as long as its last transaction took, which is the longer the busier the machine is.
"""

import math

#: Transactions a second that a worker begins, all its partitions together, where messages come apart.
MOST = 80.0
#: Longest pause, in seconds.
LONGEST = 0.04
#: Over how long it is measured how many come, in seconds.
MEMORY = 1.0
#: Messages a second from which on a partition counts among those that share what may begin.
BUSY = 1.0


class Pace:
    """What the partitions of a worker know of each other: how many messages come to each, and when each began last."""

    def __init__(self) -> None:
        """Begin with nothing seen."""
        self._rates: dict[str, float] = {}  # messages a second, when it began
        self._began: dict[str, float] = {}
        self._ended: dict[str, float] = {}

    def pause(self, name: str, now: float) -> float:
        """Return for how many seconds a partition that has messages waits before it takes them."""
        rates = [rate * math.exp((self._began[of] - now) / MEMORY) for of, rate in self._rates.items()]
        if sum(rates) <= MOST or name not in self._began:
            return 0.0
        began = self._began[name]
        ended = self._ended.get(name, began)
        apart = began + sum(rate >= BUSY for rate in rates) / MOST
        rested = ended + max(0.0, ended - began)
        return max(0.0, min(LONGEST, max(apart, rested) - now))

    def begins(self, name: str, messages: int, now: float) -> None:
        """Hear that a partition takes so many messages."""
        seconds = max(1e-6, now - self._began.get(name, now - MEMORY))
        rate = self._rates.get(name, 0.0)
        self._rates[name] = rate - math.expm1(-seconds / MEMORY) * (messages / seconds - rate)
        self._began[name] = now

    def ends(self, name: str, now: float) -> None:
        """Hear that a partition's transaction has ended."""
        self._ended[name] = now
