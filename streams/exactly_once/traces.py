"""Spans of the messages whose transaction is committed."""

from collections.abc import Sequence

from schemas.telemetry import tracing
from streams.exactly_once.ports import Message


def record_committed(messages: Sequence[Message], started_ns: int) -> None:
    """Record a span for each message of one transaction, which started `started_ns` nanoseconds after 1970.

    The span's id is the one that `tracing.derive` gave to what the message caused. An aborted attempt records none.
    """
    if not tracing.is_enabled():
        return
    for message in messages:
        traceparent = next((value for name, value in message.headers if name == "traceparent"), None)
        record = (message.topic, message.partition, message.offset)
        attributes: dict[str, str | int] = {
            "messaging.destination.name": message.topic,
            "messaging.destination.partition.id": str(message.partition),
            "messaging.kafka.offset": message.offset,
            "messaging.batch.message_count": len(messages),
        }
        tracing.record(f"process {message.topic}", traceparent, record, started_ns, attributes)
