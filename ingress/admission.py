"""Admission: how many commands may be undecided, by what was measured of deciding. Pure: time is an argument.

Two rules that networks are run by, on a queue of commands. CoDel's: the queue stands too long when even
the one that waited least, of all that were decided in an interval and in the one before, waited longer than
it should; a standstill that is over or a partition that changes hands delays some, or once. Where nobody was
turned away lately it may stand for four: a burst is over by then, and all of it was let in. Little's
law: at the same speed, as many fewer under way as the mean wait is to be shorter, and no fewer than are decided
in the mean wait that is allowed; an order that is paid for waits more than once, so the mean is allowed more.
Where the wait does not come from the queue, as on a machine that is short of processors, a short queue does not
help: then twice what is waited even so is allowed.
"""

from enum import IntEnum

#: How long is looked at before the bound changes, in seconds.
INTERVAL = 0.25
#: For how many intervals the queue stands before the bound shrinks: once is what is left of a standstill, and
#: where the bound was not felt before, it may be a burst.
STANDS, STANDS_AT_FIRST = 2, 4
#: The bound is never less: one for each of the usual partitions.
LEAST = 8
#: What the bound grows by in an interval in which somebody was turned away: near what is allowed, and far from
#: it; and in any other.
CAREFULLY, BRISKLY, FREELY = 1.05, 1.4, 1.5
#: Share of what is allowed from which on it is near.
NEAR = 0.7
#: The mean wait that is allowed, of all that are decided, in times of what the luckiest is allowed.
MEAN_TIMES = 4.25
#: The wait that a short queue does not help against is measured where the bound is least, and believed for a
#: while: what is left of the belief after an interval, and how many times that wait is allowed.
BELIEF, ALLOWED_TIMES = 0.99, 2.0
#: What is kept of those under way at least, when an interval ends: a wait that was measured may be past.
LEAST_SHARE = 0.5
#: Shares of the bound from which on pages, and reads past the cache, are spared.
PAGES_FROM, READS_FROM = 0.7, 0.85


class Pressure(IntEnum):
    """What is shed now, with all that comes before it; never what was acknowledged."""

    NONE = 0
    PAGES = 1
    READS = 2  # past the cache
    ORDERS = 3  # new ones


class Admission:
    """The bound of undecided commands."""

    def __init__(self, most: int, wait_seconds: float) -> None:
        """Take what the bound never exceeds, and how long an order may wait for its decision."""
        self.most = most
        self.bound = float(most)
        self._wait = wait_seconds
        self._base = 0.0  # seconds that are waited even where the bound is least
        self._begun = 0.0
        self._decided = self._most_undecided = 0  # in this interval
        self._waited = 0.0  # by all of them together
        self._least_wait: float | None = None
        self._turned_away = False
        self._stood = 0  # the queue, for so many intervals in a row

    def is_over(self, now: float) -> bool:
        """Say whether the interval is over, and `close` is due."""
        return now >= self._begun + INTERVAL

    def decided(self, waited: float, queued: float | None) -> None:
        """Hear of a decision, `waited` seconds after it was asked for, so many of them in queues of ours, if known."""
        self._decided += 1
        self._waited += waited
        if queued is not None and (self._least_wait is None or queued < self._least_wait):
            self._least_wait = queued

    def turned_away(self) -> None:
        """Hear that the bound was felt."""
        self._turned_away = True

    def close(self, now: float) -> None:
        """End the interval: let the bound follow what was decided in it."""
        allowed = max(self._wait, ALLOWED_TIMES * self._base)
        self._base *= BELIEF
        mean, mean_allowed = self._waited / max(1, self._decided), MEAN_TIMES * allowed
        stands = self._least_wait is not None and self._least_wait > allowed
        self._stood = self._stood + 1 if stands else 0
        if self._least_wait is not None and stands and mean > mean_allowed:
            if self.bound <= LEAST:
                self._base = self._least_wait
            if self._stood >= (STANDS if self.bound < self.most else STANDS_AT_FIRST):
                shorter = min(self.bound, self._most_undecided) * max(LEAST_SHARE, mean_allowed / mean)
                decided = self._decided / (now - self._begun) * mean_allowed
                self.bound = min(self.bound, max(shorter, decided))
        else:
            self.bound = self.bound * self._growth(allowed, mean / mean_allowed) + 1
        self.bound = min(float(self.most), max(float(LEAST), self.bound))
        self._begun, self._decided, self._waited, self._most_undecided = now, 0, 0.0, 0
        self._least_wait, self._turned_away = None, False

    def _growth(self, allowed: float, share_of_mean: float) -> float:
        if not self._turned_away:
            return FREELY
        near = self._least_wait is not None and self._least_wait > NEAR * allowed and share_of_mean > NEAR
        return CAREFULLY if near else BRISKLY

    def pressure(self, undecided: int) -> Pressure:
        """Return what is to be shed with so many undecided."""
        self._most_undecided = max(self._most_undecided, undecided)
        share = undecided / self.bound
        if share >= 1:
            return Pressure.ORDERS
        if share >= READS_FROM:
            return Pressure.READS
        return Pressure.PAGES if share >= PAGES_FROM else Pressure.NONE
