"""Admitted orders: their retries and later actions are admitted too, whatever the pressure, within a budget each."""

import math

from ingress.http.problems import Problem
from ingress.load_shedding.rate_limits import TokenBuckets
from schemas import metrics, timestamps

#: Orders that are remembered; the least recently used one is dropped first.
MAX_ORDERS = 20_000
#: Commands that one order may cause at once, and per second in the long run: far more than a customer and a kitchen need.
BURST, COMMANDS_PER_SECOND = 60, 2.0

_rejected_by_budget = metrics.requests_rejected.labels("order_budget")


class AdmittedOrders:
    """The orders that this process has admitted, and how many commands each may still cause."""

    def __init__(self, max_orders: int = MAX_ORDERS) -> None:
        self._budgets = TokenBuckets(COMMANDS_PER_SECOND, BURST, max_orders)

    def is_admitted(self, order_id: str) -> bool:
        """Return True if this process has admitted the order."""
        return order_id in self._budgets

    def consume(self, order_id: str) -> None:
        """Admit the order, and count one command of it; raises Problem (429) past the budget."""
        state = self._budgets.consume(order_id, timestamps.monotonic_clock())
        if not state.is_granted:
            _rejected_by_budget.inc()
            wait = max(1, math.ceil(state.seconds_until_next))
            raise Problem("too-many-requests", headers={"Retry-After": str(wait)})
