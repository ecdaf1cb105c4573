"""One client's stream of an order's status changes, as server-sent events: each status once, in order."""

import msgspec
from msgspec import UNSET, Struct, UnsetType

from ingress.live.send_queue import SendQueue
from ingress.views.answers import RefusalReason, is_refusal
from ingress.views.ports import OrderView, StatusChange
from schemas.orders import FINAL, Eta, Reason, Refund, Status, is_held_by

_encode = msgspec.json.Encoder().encode


class StatusEvent(Struct, frozen=True):
    """The data of an event: a status, and what is known of the order with it."""

    order_id: str
    status: Status
    at: str
    version: int
    reason: Reason | RefusalReason | UnsetType = UNSET
    eta: Eta | UnsetType = UNSET
    refund: Refund | UnsetType = UNSET


class OrderStream(Struct, eq=False):
    """One client of an order."""

    order_id: str
    restaurant_id: str | None  # None until a view shows the order
    last_version: int  # of the last event that the client has received; 0: none
    holder: str | None = None  # of the client's token; None: the order's is not compared
    is_found: bool = False  # a view has shown the order
    is_resume_checked: bool = False  # `last_version` is one that the order has had
    queue: SendQueue = msgspec.field(default_factory=SendQueue)

    def publish(self, view: OrderView, is_complete: bool) -> None:
        """Queue the events of `view` that were not sent; close the queue after a final status.

        A client whose last version the order has not reached is sent all of them. Views that are not complete
        (`is_complete` False) may have lost versions of an open order that they will show again, so that is decided by
        complete ones. An order that another request has placed ends the stream.
        """
        if not is_held_by(view.order, self.holder):
            if not is_refusal(view):
                self.queue.close()
            return
        self.is_found = True
        if not self.is_resume_checked and (is_complete or _is_final(view)):
            self.is_resume_checked = True
            self.last_version = resume_version(view, self.last_version)
        for change in next_changes(view, self.last_version):
            self.last_version = change.version
            self.queue.put(_event(view, change))
        if has_ended(view, self.last_version):
            self.queue.close()


def resume_version(view: OrderView, claimed: int) -> int:
    """Return the version after which a client resumes: the one that it claims to have, or 0 if there is none such yet."""
    return claimed if any(change.version >= claimed for change in view.history) else 0


def next_changes(view: OrderView, after: int) -> list[StatusChange]:
    """Return the changes that follow version `after` without a gap; `after` 0: from the first.

    Several topics fill the views, so a later status may be visible before an earlier one. It waits for that one.
    Versions before the current `pending` belong to an earlier order with the same id, whose key has expired.
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


def has_ended(view: OrderView, after: int) -> bool:
    """Return True if no change can follow version `after`: the last status is final and was sent."""
    return _is_final(view) and all(change.version <= after for change in view.history)


def _is_final(view: OrderView) -> bool:
    last = max(view.history, key=lambda change: change.version, default=None)
    return last is not None and last.status in FINAL


def _event(view: OrderView, change: StatusChange) -> bytes:
    order = view.order
    is_cancelled, is_final = change.status == "cancelled", change.status in FINAL
    event = StatusEvent(
        order_id=order.order_id,
        status=change.status,
        at=change.at,
        version=change.version,
        reason=order.reason if is_cancelled and order.reason else UNSET,
        eta=order.eta if order.eta and not is_final and change.status != "pending" else UNSET,
        refund=order.refund if is_cancelled and order.refund else UNSET,
    )
    return b"id: %d\nevent: status\ndata: %b\n\n" % (change.version, _encode(event))
