"""The port to the payment provider. It is idempotent by order: a repeated request is never a second payment."""

from typing import Literal, Protocol

from msgspec import Struct

from schemas.payments import PaymentRequest

ProviderStatus = Literal["authorised", "declined", "refunded", "nothing_to_refund"]


class PaymentOutcome(Struct, frozen=True):
    """The provider's answer. `duplicate`: the provider delivers this answer twice."""

    status: ProviderStatus
    duplicate: bool = False


class PaymentProvider(Protocol):
    """Carries out payment requests."""

    async def perform(self, request: PaymentRequest, traceparent: bytes) -> PaymentOutcome:
        """Call once, within a timeout of its own; raises TransientError, PermanentError."""
