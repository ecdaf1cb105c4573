"""Codes that were sent, as they are stored: by digests, for minutes, with bounds that hold for all processes."""

from typing import Literal, Protocol

from msgspec import Struct


class SentCode(Struct, frozen=True):
    """A code on its way to a phone. Phone, address and code are keyed digests, and no one can read them back."""

    verification_id: str
    phone: str
    address: str | None  # None: the address has no bound
    code: str
    customer_id: str


class CheckResult(Struct, frozen=True):
    """What a guess has led to; `customer_id` is that of the phone, if it is proved."""

    outcome: Literal["proved", "wrong", "exhausted", "unknown"]
    customer_id: str = ""


class CodeStore(Protocol):
    """Stores codes and counts guesses."""

    async def add(self, sent: SentCode) -> int:
        """Store a code; return 0, or the seconds until one more may be sent to this phone or by this address.

        Raises Unavailable.
        """

    async def remove(self, sent: SentCode) -> None:
        """Remove a code that was not sent, so that it counts against no bound, in one step; raises Unavailable."""

    async def check(self, verification_id: str, code: str) -> CheckResult:
        """Compare a code's digest and count a wrong one, in one step; raises Unavailable."""
