"""What stands in for Kafka and the provider: requests by hand, results in a list, a provider that obeys."""

import asyncio
from collections.abc import Mapping

from aiokafka.errors import KafkaConnectionError

from egress.fact_log import Reassigned, Record
from egress.gateway.provider import Outcome, Verdict
from egress.positions import Partition
from schemas import codec
from schemas.money import Money
from schemas.payments import PaymentRequest
from schemas.topics import PAYMENT_REQUESTS

FAR = 4_102_444_800_000  # 2100-01-01


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


class FakeProvider:
    """Answers as `plan` says for each order, in turn: an outcome, or an exception; then authorises or refunds."""

    def __init__(self) -> None:
        self.plan: dict[str, list[Outcome | Exception | asyncio.Event]] = {}
        self.asked: list[str] = []
        self.at_once = 0
        self.most_at_once = 0
        self.duplicate = False

    async def ask(self, asked: PaymentRequest, traceparent: bytes) -> Verdict:
        self.asked.append(asked.order_id)
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        try:
            await asyncio.sleep(0)
            planned = self.plan.get(asked.order_id)
            outcome = planned.pop(0) if planned else _default(asked)
            if isinstance(outcome, asyncio.Event):
                await outcome.wait()
                outcome = _default(asked)
            if isinstance(outcome, Exception):
                raise outcome
            return Verdict(outcome, self.duplicate)
        finally:
            self.at_once -= 1


def _default(asked: PaymentRequest) -> Outcome:
    return "authorised" if asked.kind == "authorise" else "refunded"


class FakeRequestLog:
    """Holds the requests of some partitions, read like Kafka's, with rebalances at will."""

    def __init__(self) -> None:
        self.records: dict[int, list[Record]] = {}
        self.at: dict[int, int] = {}
        self.committed: dict[int, int] = {}
        self.reassigned = False
        self.most: list[int] = []

    def append(self, number: int, asked: PaymentRequest) -> None:
        """Write a request."""
        headers = codec.headers(PaymentRequest, "id", codec.NO_TRACE)
        self.append_raw(number, codec.encode(asked), asked.restaurant_id.encode(), headers)

    def append_raw(
        self,
        number: int,
        value: bytes | None,
        key: bytes | None = b"r1",
        headers: codec.Headers | None = None,
    ) -> None:
        """Write any bytes, with a gap before each as transactions leave them."""
        held = self.records.setdefault(number, [])
        partition = Partition(PAYMENT_REQUESTS.name, number)
        held.append(Record(partition, 2 * len(held), value, key, headers or []))

    async def begin(self) -> None:
        self.reassigned = False
        self.at = {number: self.committed.get(number, 0) for number in self.records}

    async def read(self, most: int) -> list[Record]:
        self.most.append(most)
        await asyncio.sleep(0)
        if self.reassigned:
            raise Reassigned
        found: list[Record] = []
        for number, records in self.records.items():
            new = [r for r in records if r.offset >= self.at.get(number, 0)][: most - len(found)]
            found += new
            if new:
                self.at[number] = new[-1].offset + 1
        return found

    async def commit(self, positions: Mapping[Partition, int]) -> None:
        self.committed |= {partition.number: offset for partition, offset in positions.items()}


class FakeResultLog:
    """Keeps results; the next `failures` fail, each after it was written."""

    def __init__(self) -> None:
        self.results: list[tuple[str, str, Outcome]] = []
        self.traces: list[bytes] = []
        self.failures = 0

    async def send(self, record: Record, asked: PaymentRequest, verdict: Verdict, traceparent: bytes) -> None:
        await asyncio.sleep(0)
        self.results.append((asked.order_id, asked.kind, verdict.outcome))
        self.traces.append(traceparent)
        if self.failures:
            self.failures -= 1
            raise KafkaConnectionError("told to fail")
