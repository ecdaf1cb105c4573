"""A line of progress every five seconds."""

import asyncio
import time
from collections import Counter

from tests.chaos.customers import RetryingCustomers
from tests.chaos.fault_injector import FaultInjector
from tests.support.statistics import quantile

INTERVAL_SECONDS = 5.0
WINDOW_SECONDS = 10.0


class CampaignProgress:
    """Prints the orders, faults and latencies so far."""

    def __init__(self, customers: RetryingCustomers, injector: FaultInjector) -> None:
        self._customers = customers
        self._injector = injector
        self._began_at = time.time()

    async def run(self) -> None:
        """Print until cancelled."""
        while True:
            await asyncio.sleep(INTERVAL_SECONDS)
            print(self._line(), flush=True)

    def _line(self) -> str:
        now = time.time()
        recent = [
            (attempt.status, timing.seconds)
            for attempt, timing in zip(
                self._customers.attempts[-2000:], self._customers.timings[-2000:], strict=True
            )
            if timing.at > now - WINDOW_SECONDS and timing.is_synchronous
        ]
        statuses = Counter(status for status, _ in recent)
        p95 = quantile((seconds for status, seconds in recent if status in (201, 409)), 0.95)
        active = [fault.name for fault in self._injector.injected if not fault.healed_at]
        return (
            f"{now - self._began_at:6.0f} s  orders {self._customers.intents:6}  "
            f"faults {len(self._injector.injected):3}  violations: checked at the end  "
            f"p95 of {WINDOW_SECONDS:.0f} s {p95 * 1000:5.0f} ms  "
            f"{' '.join(f'{status}:{count}' for status, count in sorted(statuses.items()))}  "
            f"{', '.join(active)}"
        )
