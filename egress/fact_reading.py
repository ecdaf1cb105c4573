"""From a record to the fact that it holds; whatever else it holds is unreadable, and stops nothing."""

from datetime import datetime

import msgspec

from egress.fact_log import Record
from schemas import codec, instants
from schemas.facts import Fact, Watermark
from schemas.topics import FACT_TOPICS, WATERMARKS

_CLASSES: dict[str, type] = {topic.name: cls for cls, topic in FACT_TOPICS.items()} | {
    WATERMARKS.name: Watermark
}


class UnreadableError(Exception):
    """The record holds nothing that this version knows."""


def read(record: Record) -> Fact | int:
    """Return the fact, or the instant of a watermark in milliseconds since 1970; raises UnreadableError."""
    if record.value is None:
        raise UnreadableError("the record has no value")
    try:
        message: Fact | Watermark = codec.decode(_CLASSES[record.partition.topic], record.value)
        if isinstance(message, Watermark):
            return instants.to_milliseconds(datetime.fromisoformat(message.as_of))
    except (msgspec.DecodeError, ValueError, TypeError, RecursionError) as error:
        raise UnreadableError(f"{type(error).__name__}: {error}") from error
    require_key(record, message.restaurant_id)
    return message


def require_key(record: Record, restaurant_id: str) -> None:
    """Refuse a record that is not keyed by its restaurant; raises UnreadableError."""
    if record.key != restaurant_id.encode():
        raise UnreadableError(f"the record's key is not its restaurant, {restaurant_id}")
