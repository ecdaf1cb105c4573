"""The results of payment requests in Kafka: commands for the stream."""

from aiokafka import AIOKafkaProducer

from egress.fact_log import Record
from egress.gateway.provider import Verdict
from schemas import codec
from schemas.commands import PaymentResult
from schemas.letting_go import let_go
from schemas.payments import PaymentRequest
from schemas.topics import ORDER_COMMANDS

#: Longest silence of a broker on one request, in milliseconds; past it the result is in doubt, and done again.
REQUEST_TIMEOUT_MS = 5_000


class KafkaResultLog:
    """Writes payment results to `order.commands` with acks=all."""

    def __init__(self, bootstrap_servers: str) -> None:
        """Take the broker's addresses; `start` connects."""
        self._producer = AIOKafkaProducer(
            bootstrap_servers=bootstrap_servers,
            enable_idempotence=True,
            acks="all",
            linger_ms=0,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
        )

    async def start(self) -> None:
        """Connect; raises KafkaError."""
        await self._producer.start()

    async def stop(self) -> None:
        """Let go."""
        await let_go(self._producer.stop())

    async def send(self, record: Record, request: PaymentRequest, verdict: Verdict) -> None:
        """Write the result; raises KafkaError."""
        result = PaymentResult(request.restaurant_id, request.order_id, request.kind, verdict.outcome)
        # the same request always gives the same id, however often it is carried out
        event_id = f"{record.partition.topic}-{record.partition.number}-{record.offset}"
        traceparent = codec.header(record.headers, "traceparent") or codec.NO_TRACE
        await self._producer.send_and_wait(
            ORDER_COMMANDS.name,
            codec.encode(result),
            key=request.restaurant_id.encode(),
            headers=codec.headers(PaymentResult, event_id, traceparent),
        )
