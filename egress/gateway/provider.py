"""The payment provider, as we ask it: idempotent by order, so that asking again is never a second payment."""

from typing import Literal, Protocol

from msgspec import Struct

from schemas.payments import PaymentRequest

Outcome = Literal["authorised", "declined", "refunded", "nothing_to_refund"]


class Verdict(Struct, frozen=True):
    """What the provider said, and whether it says that we are told twice."""

    outcome: Outcome
    duplicate: bool = False


class FailedError(Exception):
    """The provider did not answer as it should; whether it did what was asked is unknown. Ask again."""


class RefusedError(Exception):
    """The provider says that the request itself is wrong; asking again would not help."""


class Provider(Protocol):
    """Carries a request out."""

    async def ask(self, request: PaymentRequest, traceparent: bytes) -> Verdict:
        """Ask once, within a time of its own; raises FailedError, RefusedError."""
