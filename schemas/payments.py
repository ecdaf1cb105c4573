"""Requests to the payment worker: each once in the log, executed at least once, idempotent by payment."""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from schemas.money import Money
from schemas.timestamps import EpochMs


class PaymentRequest(Struct, frozen=True):
    """Authorise an order's payment, or refund what was authorised.

    `deadline` (milliseconds since 1970) is when the reservation ends; from then on an authorisation is not retried.
    A refund has no deadline. After it, the provider refuses to authorise the same payment.

    `payment_id` names one life of one order; unset: the order's id does, as in requests of earlier releases.
    `reference` is the provider's, of the authorisation that a refund returns; unset: none is known, and the refund
    returns whatever the payment has.
    """

    restaurant_id: str
    order_id: str
    kind: Literal["authorise", "refund"]
    amount: Money
    method: str
    deadline: EpochMs | None = None
    payment_id: str | UnsetType = UNSET
    reference: str | UnsetType = UNSET
