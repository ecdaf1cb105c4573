"""The payment provider and the result log in memory."""

import asyncio
from collections.abc import Iterable

from aiokafka.errors import KafkaConnectionError

from egress.kafka.records import OutboundRecord, Partition
from egress.payments.provider import PaymentOutcome, ProviderStatus
from schemas import codec
from schemas.commands import PaymentResult
from schemas.money import Money
from schemas.payments import PaymentRequest
from schemas.topics import PAYMENT_REQUESTS
from tests.support.egress.fake_consumer import FakeConsumer

#: Of every movement of money.
REFERENCE = "ref_1"
FAR = 4_102_444_800_000  # 2100-01-01

P0, P1 = Partition(PAYMENT_REQUESTS.name, 0), Partition(PAYMENT_REQUESTS.name, 1)


def request(
    order_id: str, kind: str = "authorise", deadline: int | None = FAR, amount: int = 990
) -> PaymentRequest:
    """Return a payment request of restaurant r1."""
    return PaymentRequest(
        "r1",
        order_id,
        kind,  # type: ignore[arg-type]
        Money(amount),
        "pix",
        deadline if kind == "authorise" else None,
    )


class FakeRequestConsumer(FakeConsumer):
    """A FakeConsumer of payment requests."""

    def append_request(self, request: PaymentRequest, partition: Partition = P0) -> None:
        """Write a request."""
        headers = codec.headers(PaymentRequest, "id", codec.NO_TRACE)
        self.append(partition, codec.encode(request), request.restaurant_id.encode(), headers)


class FakeProvider:
    """Answers as `plan` says for each order, in turn, then authorises or refunds.

    A step of a plan is a status, an exception to raise, or an event to wait for.
    """

    def __init__(self) -> None:
        self.plan: dict[str, list[ProviderStatus | Exception | asyncio.Event]] = {}
        self.calls: list[str] = []
        self.in_flight = 0
        self.max_in_flight = 0
        self.duplicate = False

    async def perform(self, request: PaymentRequest, traceparent: bytes) -> PaymentOutcome:
        self.calls.append(request.order_id)
        self.in_flight += 1
        self.max_in_flight = max(self.in_flight, self.max_in_flight)
        try:
            await asyncio.sleep(0)
            planned = self.plan.get(request.order_id)
            step = planned.pop(0) if planned else _default(request)
            if isinstance(step, asyncio.Event):
                await step.wait()
                step = _default(request)
            if isinstance(step, Exception):
                raise step
            return PaymentOutcome(step, self.duplicate, REFERENCE)
        finally:
            self.in_flight -= 1


def _default(request: PaymentRequest) -> ProviderStatus:
    return "authorised" if request.kind == "authorise" else "refunded"


class FakeResultProducer:
    """Keeps results. The next `failures` calls fail, after they have acted."""

    def __init__(self) -> None:
        self.results: list[tuple[str, str, ProviderStatus]] = []
        self.written: list[PaymentResult] = []
        self.traces: list[bytes] = []
        self.failures = 0

    async def write(self, records: Iterable[OutboundRecord]) -> None:
        await asyncio.sleep(0)
        for record in records:
            result = codec.decode(PaymentResult, record.value or b"")
            self.written.append(result)
            self.results.append((result.order_id, result.kind, result.outcome))
            self.traces.append(codec.header(record.headers, "traceparent") or b"")
        if self.failures:
            self.failures -= 1
            raise KafkaConnectionError("a planned failure")
