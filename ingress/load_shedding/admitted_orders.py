"""Admitted orders: their retries and later actions are admitted too, whatever the pressure, within budgets."""

import math
from enum import Enum

from ingress.http.problems import Problem
from ingress.load_shedding.rate_limits import TokenBuckets
from schemas import metrics, timestamps

#: Orders that are remembered for each party; the least recently used one is dropped first.
MAX_ORDERS = 10_000
#: Commands that one party may cause for one order at once, and per second in the long run: far more than it needs.
BURST, COMMANDS_PER_SECOND = 60, 2.0

_rejected_by_budget = metrics.requests_rejected.labels("order_budget")


class Party(Enum):
    """Who causes commands for an order; each has a budget of its own, so none takes the others'."""

    KEY = "key"  # who has the idempotency key, and no token
    CUSTOMER = "customer"
    RESTAURANT = "restaurant"


class AdmittedOrders:
    """The orders that this process has admitted, and how many commands each party may still cause for them."""

    def __init__(self, max_orders: int = MAX_ORDERS) -> None:
        self._budgets = {party: TokenBuckets(COMMANDS_PER_SECOND, BURST, max_orders) for party in Party}

    def is_admitted(self, order_id: str) -> bool:
        """Return True if this process has admitted the order."""
        return order_id in self._budgets[Party.KEY]

    def consume(self, order_id: str, party: Party) -> None:
        """Count one command that a party causes; raises Problem (429) past its budget."""
        state = self._budgets[party].consume(order_id, timestamps.monotonic_clock())
        if not state.is_granted:
            _rejected_by_budget.inc()
            wait = max(1, math.ceil(state.seconds_until_next))
            raise Problem("too-many-requests", headers={"Retry-After": str(wait)})
