"""Refunds among the dead letters: money that is owed until a person resolves it."""

import msgspec

from egress.dlq.store import DeadLetterEntry
from schemas import codec
from schemas.payments import PaymentRequest
from schemas.topics import PAYMENT_REQUESTS


def may_be_refund(entry: DeadLetterEntry) -> bool:
    """Return True for a request to refund a payment, and for a payment request that cannot be read."""
    if entry.source.topic != PAYMENT_REQUESTS.name:
        return False
    try:
        return codec.decode(PaymentRequest, entry.value or b"").kind == "refund"
    except (msgspec.DecodeError, ValueError, RecursionError):
        return True
