"""Counts and times requests, whether aiohttp or the fast path answers them."""

from functools import lru_cache
from typing import Any

from schemas import metrics, timestamps
from schemas.timestamps import MonotonicSeconds


def record(
    route: str, method: str, status: int, started: MonotonicSeconds, ended: MonotonicSeconds | None = None
) -> None:
    """Count a request, and record its duration between two readings of time.monotonic; `ended` None means now.

    `route` is the path as the table of routes has it, so that no label names an order.
    """
    requests, duration = _series(route, method, status)
    requests.inc()
    duration.observe((timestamps.monotonic_clock() if ended is None else ended) - started)


@lru_cache(maxsize=1024)
def _series(route: str, method: str, status: int) -> tuple[Any, Any]:
    labels = (route, method, str(status))
    return metrics.http_requests.labels(*labels), metrics.http_duration.labels(*labels)
