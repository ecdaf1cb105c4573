"""How many may follow at once: in a process, and of one subject."""

import contextlib
from collections import Counter
from collections.abc import Iterator

from ingress.problems import Problem, retry_after
from schemas import metrics


class Limits:
    """Counts open streams; one too many is refused."""

    def __init__(self, most: int, most_of_order: int, most_of_restaurant: int) -> None:
        """Take the most of this process, of one order's events, and of one restaurant's boards."""
        self._most = most
        self._most_of = {"sse": most_of_order, "feed": most_of_restaurant}
        self._open: Counter[tuple[str, str]] = Counter()
        self._total = 0

    @contextlib.contextmanager
    def one_more(self, channel: str, subject: str) -> Iterator[None]:
        """Hold a place while inside; raises Problem where there is none."""
        if self._total >= self._most or self._open[(channel, subject)] >= self._most_of[channel]:
            raise Problem("too-many-requests", headers=retry_after())
        self._total += 1
        self._open[(channel, subject)] += 1
        metrics.live_streams.labels(channel).inc()
        try:
            yield
        finally:
            self._total -= 1
            self._open[(channel, subject)] -= 1
            if not self._open[(channel, subject)]:
                del self._open[(channel, subject)]
            metrics.live_streams.labels(channel).dec()
