"""Limits on open streams: in this process, of one order and of one restaurant."""

import contextlib
from collections import Counter
from collections.abc import Iterator

from ingress.http.problems import Problem, retry_after
from schemas import metrics


class FollowerLimits:
    """Counts open streams and rejects those past a limit."""

    def __init__(self, max_streams: int, max_per_order: int, max_per_restaurant: int) -> None:
        self._max_streams = max_streams
        self._max_per_subject = {"sse": max_per_order, "feed": max_per_restaurant}
        self._open: Counter[tuple[str, str]] = Counter()
        self._total = 0

    @contextlib.contextmanager
    def reserve_slot(self, channel: str, subject: str) -> Iterator[None]:
        """Count one stream of `channel` (`sse`, `feed`) for the block; raises Problem (429) past a limit."""
        slot = (channel, subject)
        if self._total >= self._max_streams or self._open[slot] >= self._max_per_subject[channel]:
            raise Problem("too-many-requests", headers=retry_after())
        self._total += 1
        self._open[slot] += 1
        metrics.live_streams.labels(channel).inc()
        try:
            yield
        finally:
            self._total -= 1
            self._open[slot] -= 1
            if not self._open[slot]:
                del self._open[slot]
            metrics.live_streams.labels(channel).dec()
