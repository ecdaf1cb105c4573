"""An order's history as events: each status once, in order, from the first or after the last that was heard."""

from ingress.views import OrderView, StatusChange
from schemas.orders import FINAL


def due(view: OrderView, after: int) -> list[StatusChange]:
    """Return the changes that follow version `after` (0: none was heard) without a gap.

    Views are filled from several topics, so a later status may be there before an earlier one;
    then that waits. What lies before the order was placed is another life under the same key.
    """
    placed = next((change.version for change in view.history if change.status == "pending"), None)
    if placed is None:
        return []
    expected = max(placed, after + 1)
    changes = []
    for change in sorted(view.history, key=lambda change: change.version):
        if change.version == expected:
            changes.append(change)
            expected += 1
    return changes


def is_over(view: OrderView, after: int) -> bool:
    """Say whether nothing can follow version `after`: it is that of a final status, or later."""
    last = max(view.history, key=lambda change: change.version, default=None)
    return last is not None and last.status in FINAL and last.version <= after
