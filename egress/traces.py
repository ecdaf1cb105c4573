"""What egress tells in traces of the records that it has read."""

from collections.abc import Iterable

from egress.fact_log import GROUP, Record
from schemas import codec
from schemas.telemetry import tracing


def projected(records: Iterable[Record], began: int) -> None:
    """Tell that the views show these records; `began` in nanoseconds since 1970."""
    if not tracing.enabled():
        return
    for record in records:
        (topic, number), given = record.partition, codec.header(record.headers, "traceparent")
        about: dict[str, str | int] = {
            "messaging__destination__name": topic,
            "messaging__destination__partition__id": str(number),
            "messaging__kafka__offset": record.offset,
            "restaurant_id": (record.key or b"").decode(errors="replace"),
        }
        tracing.record(f"project {topic}", given, (GROUP, topic, number, record.offset), began, **about)
