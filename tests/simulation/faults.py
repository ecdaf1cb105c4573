"""The faults of a run, which a seed places between the steps."""

import random
from collections import Counter, deque

from msgspec import Struct

#: Faults that strike at a step of a worker: a call of the log, or a failpoint between two.
CRASHES = ("crash", "crash and lose the store", "crash and restore an old store")
STEP_FAULTS = (*CRASHES, "error", "store read fails", "zombie", "rebalance", "redelivery", "skipped fetch")
COMMIT_FAULTS = ("in doubt, committed", "in doubt, not committed")
REPLY_FAULTS = ("lost reply", "late reply")
INFRASTRUCTURE_FAULTS = (*STEP_FAULTS, *COMMIT_FAULTS, *REPLY_FAULTS)
#: The customer comes back with the key of a decided order when its time is over.
CUSTOMER_FAULTS = ("key expires",)
#: The broker stamps a record with a time that is a day ahead; an operator comes.
CLOCK_FAULTS = ("clock leaps",)
KINDS = (*INFRASTRUCTURE_FAULTS, *CUSTOMER_FAULTS, *CLOCK_FAULTS)
#: Customers of a run who come back.
EXPIRED_KEYS = 16


class PlannedFault(Struct, frozen=True):
    """A fault that strikes at the first suitable step after this many steps."""

    after: int
    kind: str


class Faults:
    """The schedule of one run."""

    def __init__(self, rng: random.Random, count: int, steps: int) -> None:
        planned = sorted(
            (PlannedFault(rng.randrange(steps), rng.choice(INFRASTRUCTURE_FAULTS)) for _ in range(count)),
            key=lambda f: f.after,
        )
        self._due: dict[str, deque[PlannedFault]] = {
            "step": deque(f for f in planned if f.kind in STEP_FAULTS),
            "commit": deque(f for f in planned if f.kind in COMMIT_FAULTS),
            "clock": deque([PlannedFault(rng.randrange(steps), CLOCK_FAULTS[0])]),
            "reply": deque(f for f in planned if f.kind in REPLY_FAULTS),
            "customer": deque(
                PlannedFault(after, CUSTOMER_FAULTS[0])
                for after in sorted(rng.randrange(steps) for _ in range(EXPIRED_KEYS))
            ),
        }
        self.steps = 0
        self.struck: Counter[str] = Counter()

    def strike(self, where: str) -> str | None:
        """Return the fault that strikes at this step, or None."""
        due = self._due[where]
        if due and due[0].after <= self.steps:
            fault = due.popleft()
            self.struck[fault.kind] += 1
            return fault.kind
        return None
