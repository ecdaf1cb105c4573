"""The common part of readers and customers: requests that are due at given times."""

import random
import time

from tests.surge.http_client import ConnectionPool
from tests.surge.tally import Tally, count


class LoadClient:
    """Sends requests at given times; they do not wait for one another."""

    def __init__(
        self, pool: ConnectionPool, tally: Tally, rng: random.Random, begin_at: float, name: str
    ) -> None:
        """`begin_at` is second 0 of the window, of time.time(); `name` makes idempotency keys unique."""
        self._pool = pool
        self._tally = tally
        self._rng = rng
        self._begin_at = begin_at
        self._name = name

    def _count_due(self, kind: str, at: float) -> None:
        """Count a request that is due at this second and sent now."""
        second = self._tally.of(kind, at)
        second.due += 1
        count(second.late, time.time() - self._begin_at - at)
