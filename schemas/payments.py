"""What streams ask of the payment gateway: once in the log, carried out at least once, idempotent by order."""

from typing import Literal

from msgspec import Struct

from schemas.money import Money


class PaymentRequest(Struct, frozen=True):
    """Authorise an order's payment, or give back whatever was authorised.

    `deadline` (milliseconds since 1970) is when the reservation ends: an authorisation that has not
    been answered by then is not tried any more. A refund has none, and makes sure that a later
    authorisation of the same order is refused.
    """

    restaurant_id: str
    order_id: str
    kind: Literal["authorise", "refund"]
    amount: Money
    method: str
    deadline: int | None = None
