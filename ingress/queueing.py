"""What of the wait for a reply was spent in our own queues: the payment provider's time says nothing of how we do."""

from datetime import datetime

from schemas.replies import Reply

#: Outcomes that may have waited for the payment provider.
_PAID = frozenset({"confirmed", "payment_declined", "payment_timeout"})
_CASH = "cash"


def queued(reply: Reply, waited: float) -> float | None:
    """Return it in seconds, of the seconds that were waited for the reply; None when it cannot be told.

    An order that was paid for was decided twice. From its creation to its last change, both by the broker's clock,
    lie the first decision and the payment; what is left is the way of one command to its decision and back.
    """
    order = reply.answer.order
    if reply.answer.outcome not in _PAID or (order is not None and order.payment_method == _CASH):
        return waited
    if order is None or reply.replayed:
        return None
    paying = datetime.fromisoformat(order.updated_at) - datetime.fromisoformat(order.created_at)
    return max(0.0, waited - paying.total_seconds())
