"""Admission control: how many commands may be in flight, by what was measured in the last interval. Pure.

Two published rules decide. README.md has the formulae, a picture and the reason for each constant.

- CoDel (Nichols and Jacobson, "Controlling Queue Delay", ACM Queue, 2012): a queue is congested if even its *minimum*
  delay stays above a target. A stall, or a partition that moves to another worker, delays only some commands.
- Little's law (in flight = rate * delay): at the same rate, in-flight commands and mean delay shrink together.
"""

from enum import IntEnum

from msgspec import Struct

from schemas.timestamps import MonotonicSeconds

#: Length of a measurement, in seconds.
INTERVAL_SECONDS = 0.25
#: Consecutive congested intervals before the limit shrinks: one may be the tail of a stall. If the limit is at its
#: maximum, no order was rejected recently, and the first four may be a burst.
CONGESTED_INTERVALS, CONGESTED_INTERVALS_FIRST = 2, 4
#: The limit never goes below: one command for each partition of the default.
MIN_LIMIT = 8
#: Factors by which the limit grows: after rejections close to the target, after rejections far from it, and otherwise.
GROWTH_NEAR_TARGET, GROWTH_UNDER_REJECTION, GROWTH_IDLE = 1.05, 1.4, 1.5
#: Share of the targets above which delays are close to them.
NEAR_TARGET_SHARE = 0.7
#: Target of the mean delay, as a multiple of the target of the minimum: an order that is paid online queues twice.
MEAN_DELAY_FACTOR = 4.25
#: The base delay is what commands wait even at the minimum limit. The target is at least this multiple of it; it decays
#: by this factor per interval, so that a slow phase does not raise the target indefinitely.
BASE_DELAY_DECAY, BASE_DELAY_FACTOR = 0.99, 2.0
#: One interval takes away at most this share of the commands in flight: its delays may be over already.
MIN_KEPT_SHARE = 0.5
#: Shares of the limit from which pages, and reads that miss the cache, are rejected.
REJECT_PAGES_SHARE, REJECT_READS_SHARE = 0.7, 0.85


class Pressure(IntEnum):
    """What is rejected now, with all that comes before it; never an admitted order."""

    NONE = 0
    PAGES = 1
    READS = 2  # that miss the cache
    ORDERS = 3  # new ones


class _Interval(Struct):
    """What was measured in one interval; delays in seconds."""

    started_at: MonotonicSeconds
    decided: int = 0
    total_delay: float = 0.0
    min_queue_delay: float | None = None  # None: not known of any command
    peak_in_flight: int = 0
    has_rejected: bool = False


class Admission:
    """The limit of commands in flight."""

    def __init__(self, max_limit: int, target_delay_seconds: float) -> None:
        """Args:
        max_limit: upper bound of the limit.
        target_delay_seconds: target of the minimum queueing delay (CoDel's target).
        """
        self.max_limit = max_limit
        self.limit = float(max_limit)
        self._target_delay = target_delay_seconds
        self._base_delay = 0.0
        self._congested_intervals = 0  # in a row
        self._interval = _Interval(MonotonicSeconds(0.0))

    def is_interval_over(self, now: MonotonicSeconds) -> bool:
        """Return True if `end_interval` is due."""
        return now >= self._interval.started_at + INTERVAL_SECONDS

    def record_decision(self, delay: float, queue_delay: float | None) -> None:
        """Record a decided command: its whole delay and, if known, the part in our queues, in seconds."""
        interval = self._interval
        interval.decided += 1
        interval.total_delay += delay
        if queue_delay is not None and (
            interval.min_queue_delay is None or queue_delay < interval.min_queue_delay
        ):
            interval.min_queue_delay = queue_delay

    def record_rejection(self) -> None:
        """Record that an order was rejected because of the limit."""
        self._interval.has_rejected = True

    def pressure(self, in_flight: int) -> Pressure:
        """Return what is to be rejected with this many commands in flight."""
        self._interval.peak_in_flight = max(self._interval.peak_in_flight, in_flight)
        share = in_flight / self.limit
        if share >= 1:
            return Pressure.ORDERS
        if share >= REJECT_READS_SHARE:
            return Pressure.READS
        return Pressure.PAGES if share >= REJECT_PAGES_SHARE else Pressure.NONE

    def end_interval(self, now: MonotonicSeconds) -> None:
        """Adjust the limit to what was measured, and begin the next interval."""
        interval, self._interval = self._interval, _Interval(now)
        target = max(self._target_delay, BASE_DELAY_FACTOR * self._base_delay)
        mean_target = MEAN_DELAY_FACTOR * target
        mean_delay = interval.total_delay / max(1, interval.decided)
        min_delay = interval.min_queue_delay or 0.0
        self._base_delay *= BASE_DELAY_DECAY
        is_congested = min_delay > target
        self._congested_intervals = self._congested_intervals + 1 if is_congested else 0
        if is_congested and mean_delay > mean_target:
            if self.limit <= MIN_LIMIT:
                self._base_delay = min_delay
            is_first = self.limit >= self.max_limit
            if self._congested_intervals >= (CONGESTED_INTERVALS_FIRST if is_first else CONGESTED_INTERVALS):
                rate = interval.decided / (now - interval.started_at)
                self.limit = min(
                    self.limit, self._shrunk(interval.peak_in_flight, rate, mean_delay, mean_target)
                )
        else:
            is_near = min_delay > NEAR_TARGET_SHARE * target and mean_delay / mean_target > NEAR_TARGET_SHARE
            self.limit = self.limit * _growth(interval.has_rejected, is_near) + 1
        self.limit = min(float(self.max_limit), max(float(MIN_LIMIT), self.limit))

    def _shrunk(self, peak_in_flight: int, rate: float, mean_delay: float, mean_target: float) -> float:
        """Return the limit at which Little's law gives `mean_target`: from those in flight, or from the rate if more."""
        kept = min(self.limit, peak_in_flight) * max(MIN_KEPT_SHARE, mean_target / mean_delay)
        return max(kept, rate * mean_target)


def _growth(has_rejected: bool, is_near_target: bool) -> float:
    if not has_rejected:
        return GROWTH_IDLE
    return GROWTH_NEAR_TARGET if is_near_target else GROWTH_UNDER_REJECTION
