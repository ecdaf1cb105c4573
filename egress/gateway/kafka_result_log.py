"""The results of payment requests in Kafka: commands for the stream."""

from egress.fact_log import Record
from egress.gateway.provider import Verdict
from egress.kafka_writer import KafkaWriter
from schemas import codec
from schemas.commands import PaymentResult
from schemas.payments import PaymentRequest
from schemas.topics import ORDER_COMMANDS


class KafkaResultLog(KafkaWriter):
    """Writes payment results to `order.commands`."""

    async def send(
        self, record: Record, request: PaymentRequest, verdict: Verdict, traceparent: bytes
    ) -> None:
        """Write the result; raises KafkaError."""
        result = PaymentResult(request.restaurant_id, request.order_id, request.kind, verdict.outcome)
        # the same request always gives the same id, however often it is carried out
        event_id = f"{record.partition.topic}-{record.partition.number}-{record.offset}"
        await self._producer.send_and_wait(
            ORDER_COMMANDS.name,
            codec.encode(result),
            key=request.restaurant_id.encode(),
            headers=codec.headers(PaymentResult, event_id, traceparent),
        )
