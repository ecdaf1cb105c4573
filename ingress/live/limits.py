"""Limits on open streams: in this process, of one order and of one restaurant.

Each channel has places of its own, so the streams that any customer may open never keep a restaurant's board out.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping

from msgspec import Struct

from ingress.http.problems import Problem, retry_after
from schemas import metrics


class ChannelLimits(Struct, frozen=True):
    """Most open streams of a channel in this process, and of one subject: an order, or a restaurant."""

    max_streams: int
    max_per_subject: int


class FollowerLimits:
    """Counts open streams and rejects those past a limit."""

    def __init__(self, channels: Mapping[str, ChannelLimits]) -> None:
        """Args:
        channels: the limits by channel (`sse`, `feed`).
        """
        self._channels = channels
        self._open: Counter[tuple[str, str]] = Counter()
        self._totals: Counter[str] = Counter()

    @contextlib.contextmanager
    def reserve_slot(self, channel: str, subject: str) -> Iterator[None]:
        """Count one stream of `channel` for the block; raises Problem (429) past a limit."""
        slot, limits = (channel, subject), self._channels[channel]
        if self._totals[channel] >= limits.max_streams or self._open[slot] >= limits.max_per_subject:
            raise Problem("too-many-requests", headers=retry_after())
        self._totals[channel] += 1
        self._open[slot] += 1
        metrics.live_streams.labels(channel).inc()
        try:
            yield
        finally:
            self._totals[channel] -= 1
            self._open[slot] -= 1
            if not self._open[slot]:
                del self._open[slot]
            metrics.live_streams.labels(channel).dec()


class PendingHandshakes:
    """The connections whose client has still to send its token: past the bound, the time of the oldest one is over.

    An honest client sends its token at once. So those that wait on purpose push each other out, and keep no board out.
    """

    def __init__(self, max_pending: int) -> None:
        self._max_pending = max_pending
        self._pending: dict[asyncio.Timeout, None] = {}  # the oldest first

    @contextlib.asynccontextmanager
    async def timeout(self, seconds: float) -> AsyncIterator[None]:
        """Limit the block to this time, or less if others come; raises TimeoutError."""
        if len(self._pending) >= self._max_pending:
            oldest = next(iter(self._pending))
            del self._pending[oldest]
            if not oldest.expired():
                oldest.reschedule(asyncio.get_running_loop().time())
        async with asyncio.timeout(seconds) as timeout:
            self._pending[timeout] = None
            try:
                yield
            finally:
                self._pending.pop(timeout, None)
