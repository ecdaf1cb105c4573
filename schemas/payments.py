"""Requests to the payment worker: each once in the log, executed at least once, idempotent by order."""

from typing import Literal

from msgspec import Struct

from schemas.money import Money
from schemas.timestamps import EpochMs


class PaymentRequest(Struct, frozen=True):
    """Authorise an order's payment, or refund what was authorised.

    `deadline` (milliseconds since 1970) is when the reservation ends; from then on an authorisation is not retried.
    A refund has no deadline. After it, the provider refuses to authorise the same order.
    """

    restaurant_id: str
    order_id: str
    kind: Literal["authorise", "refund"]
    amount: Money
    method: str
    deadline: EpochMs | None = None
