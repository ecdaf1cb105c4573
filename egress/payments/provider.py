"""The port to the payment provider. It is idempotent by payment: a repeated request is never a second payment."""

from typing import Annotated, Literal, Protocol

from msgspec import UNSET, Meta, Struct, UnsetType

from schemas.payments import PaymentRequest

#: The provider's name of one movement of money; orders store it, so it has a bound.
Reference = Annotated[str, Meta(min_length=1, max_length=255)]
ProviderStatus = Literal["authorised", "declined", "refunded", "nothing_to_refund"]


class PaymentOutcome(Struct, frozen=True):
    """The provider's answer. `reference` names an authorisation; `duplicate`: the answer is delivered twice."""

    status: ProviderStatus
    duplicate: bool = False
    reference: Reference | UnsetType = UNSET


class PaymentProvider(Protocol):
    """Carries out payment requests."""

    async def perform(self, request: PaymentRequest, traceparent: bytes) -> PaymentOutcome:
        """Call once, within a timeout of its own; raises TransientError, PermanentError.

        A payment that the provider does not know is `nothing_to_refund`. An AccessError is about all calls, never one.
        """
