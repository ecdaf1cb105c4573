"""The payment requests, and where their results go, as the gateway sees them."""

from collections.abc import Mapping
from typing import Protocol

from egress.fact_log import Record
from egress.gateway.provider import Verdict
from egress.positions import Partition
from schemas.payments import PaymentRequest

#: The consumer group, in metrics and lag tools.
GROUP = "promo-payments"


class RequestLog(Protocol):
    """Reads this process's share of the requests, committed ones only, each partition in its order."""

    async def begin(self) -> None:
        """Go to the committed positions; from now on Reassigned tells of the next change. Raises KafkaError."""

    async def read(self, most: int) -> list[Record]:
        """Return up to so many requests, after a moment none; raises Reassigned, KafkaError."""

    async def commit(self, positions: Mapping[Partition, int]) -> None:
        """Keep the positions; a failure is nothing, for what is done twice is done once."""


class ResultLog(Protocol):
    """Where results are written, as commands."""

    async def send(
        self, record: Record, request: PaymentRequest, verdict: Verdict, traceparent: bytes
    ) -> None:
        """Write the result of the request of this record; it is durable when this returns. Raises KafkaError."""
