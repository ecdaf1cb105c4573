"""A line every few seconds."""

import asyncio
import time
from collections import Counter

from tests.chaos.customers import Customers
from tests.chaos.statistics import quantile
from tests.chaos.striking import Striking

PAUSE = 5.0
WINDOW = 10.0


class Progress:
    """Says how it goes."""

    def __init__(self, customers: Customers, striking: Striking) -> None:
        self._customers = customers
        self._striking = striking
        self._began_at = time.time()

    async def show(self) -> None:
        """Print until cancelled."""
        while True:
            await asyncio.sleep(PAUSE)
            print(self._line(), flush=True)

    def _line(self) -> str:
        now = time.time()
        recent = [
            (call.status, exchange.seconds)
            for call, exchange in zip(
                self._customers.calls[-2000:], self._customers.exchanges[-2000:], strict=True
            )
            if exchange.at > now - WINDOW and exchange.waited
        ]
        statuses = Counter(status for status, _ in recent)
        p95 = quantile(sorted(seconds for status, seconds in recent if status in (201, 409)), 0.95)
        under_way = [struck.name for struck in self._striking.struck if not struck.healed_at]
        return (
            f"{now - self._began_at:6.0f} s  orders {self._customers.wishes:6}  "
            f"faults {len(self._striking.struck):3}  violations: known at the end  "
            f"p95 of {WINDOW:.0f} s {p95 * 1000:5.0f} ms  "
            f"{' '.join(f'{status}:{count}' for status, count in sorted(statuses.items()))}  "
            f"{', '.join(under_way)}"
        )
