"""A budget in bytes that many holders share: past it, those that hold the most are dropped."""

from typing import Protocol

from ingress.memory import budgets, gauges

#: Dropping goes on down to this share of the budget, so that a full budget is not searched for every byte.
TARGET_SHARE = 0.75


class Holder(Protocol):
    """What holds bytes, such as a client's send queue."""

    def drop(self) -> None:
        """Free all that it holds, and accept no more."""


class ByteBudget:
    """What each holder holds. Pure."""

    def __init__(self, name: str) -> None:
        """`name` is that of the budget, and its label in metrics."""
        self._max_bytes = budgets.CLIENTS[name]
        self._held_by: dict[Holder, int] = {}
        #: What all hold, in bytes.
        self.held_bytes = 0
        gauges.register(name, self)

    def set(self, holder: Holder, size: int) -> None:
        """Record that a holder holds `size` bytes from now on; past the budget, drop the largest holders."""
        held = self._held_by
        self.held_bytes += size - held.get(holder, 0)
        if size:
            held[holder] = size
        else:
            held.pop(holder, None)
        if self.held_bytes > self._max_bytes:
            self._drop_largest()

    def add(self, holder: Holder, size: int) -> None:
        """Record that a holder holds `size` bytes more."""
        self.set(holder, self._held_by.get(holder, 0) + size)

    def _drop_largest(self) -> None:
        for holder in sorted(self._held_by, key=self._held_by.__getitem__, reverse=True):
            if self.held_bytes <= self._max_bytes * TARGET_SHARE:
                return
            self.held_bytes -= self._held_by.pop(holder, 0)
            holder.drop()
