"""The life of an order as data: an unlisted pair is refused, and the code only looks up.

`pending` waits for its payment; `delivered` and `cancelled` are final.
"""

from typing import Literal

from schemas.orders import FINAL, Status

Trigger = Literal[
    "place",
    "confirm",
    "refuse",
    "reservation_expires",
    "prepare",
    "dispatch",
    "deliver",
    "cancel",
    "preparation_expires",
]

#: (state, what happens) -> the state that follows. None: there is no order yet.
MACHINE: dict[tuple[Status | None, Trigger], Status] = {
    (None, "place"): "pending",
    ("pending", "confirm"): "received",
    ("pending", "refuse"): "cancelled",
    ("pending", "reservation_expires"): "cancelled",
    ("pending", "cancel"): "cancelled",
    ("received", "prepare"): "preparing",
    ("received", "cancel"): "cancelled",
    ("received", "preparation_expires"): "cancelled",
    ("preparing", "dispatch"): "out_for_delivery",
    ("preparing", "preparation_expires"): "cancelled",
    ("out_for_delivery", "deliver"): "delivered",
}

#: States in which portions are in the kitchen's hands: a cancellation wastes them.
BEING_MADE: frozenset[Status] = frozenset({"preparing"})
#: States that count in the kitchen's queue.
IN_THE_KITCHEN: frozenset[Status] = frozenset({"received", "preparing"})

#: What the restaurant asks for by naming the state it wants.
ADVANCE: dict[str, Trigger] = {"preparing": "prepare", "out_for_delivery": "dispatch", "delivered": "deliver"}


def after(state: Status | None, trigger: Trigger) -> Status | None:
    """Return the state that follows; None where this may not happen now."""
    return MACHINE.get((state, trigger))


def diagram() -> str:
    """Return the machine as a Mermaid state diagram."""
    lines = ["stateDiagram-v2"]
    for (state, trigger), following in MACHINE.items():
        lines.append(f"    {state or '[*]'} --> {following}: {trigger}")
    lines += [f"    {state} --> [*]" for state in sorted(FINAL)]
    return "\n".join(lines)
