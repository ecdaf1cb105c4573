"""The life of an order as a table; a pair that is not in it is refused, and the code only looks it up.

`pending` waits for its payment; `delivered` and `cancelled` are final.
"""

from typing import Literal

from schemas.orders import Status

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

#: (state, trigger) -> next state. State None: there is no order yet.
TRANSITIONS: dict[tuple[Status | None, Trigger], Status] = {
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

#: States in which the kitchen already uses the portions: a cancellation wastes them.
IN_PREPARATION: frozenset[Status] = frozenset({"preparing"})
#: States that count in the kitchen's queue.
IN_KITCHEN_QUEUE: frozenset[Status] = frozenset({"received", "preparing"})

#: The trigger that brings an order into the state that the restaurant names.
TRIGGER_OF_STATUS: dict[str, Trigger] = {
    "preparing": "prepare",
    "out_for_delivery": "dispatch",
    "delivered": "deliver",
}


def next_state(state: Status | None, trigger: Trigger) -> Status | None:
    """Return the state that follows, or None if the trigger is not allowed in this state."""
    return TRANSITIONS.get((state, trigger))
