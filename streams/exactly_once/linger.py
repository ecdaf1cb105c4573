"""How long messages of a partition are collected before the next transaction (compare Kafka's `linger.ms`). Pure.

A transaction costs broker and worker CPU time, however few messages it has. Under little load each message is
processed at once. Under much load a partition waits for more messages, if it is likely to get some.
"""

import math

from schemas.timestamps import MonotonicSeconds

#: Messages a second to all partitions of a worker up to which no partition waits.
MIN_MESSAGES_PER_SECOND = 80.0
#: How long a partition waits, if it can expect so many messages in that time.
LINGER_SECONDS = 0.03
MIN_EXPECTED_MESSAGES = 0.4
#: Time constant of the moving average of the message rates.
RATE_WINDOW_SECONDS = 1.0


class Linger:
    """The message rates of a worker's partitions, from which each learns how long to wait.

    Args:
        min_rate: messages a second to all partitions up to which no partition waits.
    """

    def __init__(self, min_rate: float = MIN_MESSAGES_PER_SECOND) -> None:
        self._min_rate = min_rate
        self._rates: dict[str, float] = {}  # messages a second, at the time of measurement
        self._measured_at: dict[str, MonotonicSeconds] = {}

    def delay(self, partition: str, now: MonotonicSeconds) -> float:
        """Return for how many seconds a partition that has messages waits for more."""
        if self._rate(partition, now) * LINGER_SECONDS < MIN_EXPECTED_MESSAGES:
            return 0.0
        return LINGER_SECONDS if sum(self._rate(p, now) for p in self._rates) > self._min_rate else 0.0

    def record_batch(self, partition: str, messages: int, now: MonotonicSeconds) -> None:
        """Record that a partition starts a batch of so many messages."""
        last = self._measured_at.get(partition, MonotonicSeconds(now - RATE_WINDOW_SECONDS))
        seconds = max(1e-6, now - last)
        rate = self._rates.get(partition, 0.0)
        weight = -math.expm1(-seconds / RATE_WINDOW_SECONDS)
        self._rates[partition] = rate + weight * (messages / seconds - rate)
        self._measured_at[partition] = now

    def _rate(self, partition: str, now: MonotonicSeconds) -> float:
        """Return the measured rate, decayed by the time since."""
        if partition not in self._rates:
            return 0.0
        return self._rates[partition] * math.exp((self._measured_at[partition] - now) / RATE_WINDOW_SECONDS)
