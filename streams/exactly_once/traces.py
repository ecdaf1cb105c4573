"""What the layer tells in traces of the messages whose transaction is committed."""

from collections.abc import Sequence

from schemas.telemetry import tracing
from streams.exactly_once.ports import Message


def committed(messages: Sequence[Message], began: int) -> None:
    """Tell that these were processed in one transaction; `began` in nanoseconds since 1970.

    The span has the id that `tracing.derive` gave to what the messages caused; an aborted attempt tells none.
    """
    if not tracing.enabled():
        return
    for message in messages:
        given = next((value for name, value in message.headers if name == "traceparent"), None)
        place = (message.topic, message.partition, message.offset)
        about: dict[str, str | int] = {
            "messaging__destination__name": message.topic,
            "messaging__destination__partition__id": str(message.partition),
            "messaging__kafka__offset": message.offset,
            "messaging__batch__message_count": len(messages),
        }
        tracing.record(f"process {message.topic}", given, place, began, **about)
