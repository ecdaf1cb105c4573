"""One client's stream of an order's events."""

import msgspec
from msgspec import UNSET, Struct, UnsetType

from ingress.live import history
from ingress.live.outbox import Outbox
from ingress.views import OrderView, StatusChange
from schemas.orders import FINAL, Eta, Reason, Refund, Status

_encode = msgspec.json.Encoder().encode


class StatusEvent(Struct, frozen=True):
    """The data of an event: a status, and what is known of the order with it."""

    order_id: str
    status: Status
    at: str
    version: int
    reason: Reason | UnsetType = UNSET
    eta: Eta | UnsetType = UNSET
    refund: Refund | UnsetType = UNSET


class OrderStream:
    """Puts each status into an outbox once, in order."""

    __slots__ = ("after", "order_id", "outbox", "restaurant_id")

    def __init__(self, order_id: str, restaurant_id: str | None, after: int) -> None:
        """Take which order, its restaurant if it is known yet, and the version that the client has heard of."""
        self.order_id = order_id
        self.restaurant_id = restaurant_id
        self.after = after
        self.outbox = Outbox()

    def offer(self, view: OrderView) -> None:
        """Take the order as it was just read; what is new of it goes out, and after a final status no more."""
        for change in history.due(view, self.after):
            self.after = change.version
            self.outbox.put(_event(view, change))
        if history.is_over(view, self.after):
            self.outbox.close()


def _event(view: OrderView, change: StatusChange) -> bytes:
    order = view.order
    cancelled, over = change.status == "cancelled", change.status in FINAL
    event = StatusEvent(
        order_id=order.order_id,
        status=change.status,
        at=change.at,
        version=change.version,
        reason=order.reason if cancelled and order.reason else UNSET,
        eta=order.eta if order.eta and not over and change.status != "pending" else UNSET,
        refund=order.refund if cancelled and order.refund else UNSET,
    )
    return b"id: %d\nevent: status\ndata: %b\n\n" % (change.version, _encode(event))
