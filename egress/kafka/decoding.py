"""Decoding: from a record to its message. What no release can decode is set aside, and stops nothing.

A record of a newer version stops its reader: NewerVersionError is no UnreadableError, and leads to no dead letter.
"""

from typing import Any, Protocol, TypeVar

import msgspec

from egress.kafka.records import Record
from schemas import codec, timestamps
from schemas.facts import Fact, Watermark
from schemas.timestamps import EpochMs
from schemas.topics import FACT_TOPICS

#: The class of each topic of facts.
FACT_CLASSES: dict[str, Any] = {topic.name: cls for cls, topic in FACT_TOPICS.items()}


class UnreadableError(Exception):
    """The record holds no message that this version knows."""


class RestaurantMessage(Protocol):
    """A message that is keyed by its restaurant."""

    @property
    def restaurant_id(self) -> str: ...


M = TypeVar("M", bound=RestaurantMessage)


def decode(cls: type[M], record: Record) -> M:
    """Return the record's message; raises NewerVersionError, UnreadableError.

    A record whose key does not begin with its restaurant is unreadable.
    """
    message = _decode_value(cls, record)
    if (record.key or b"").partition(b"/")[0] != message.restaurant_id.encode():
        raise UnreadableError(f"the record's key does not begin with its restaurant, {message.restaurant_id}")
    return message


def decode_fact(record: Record) -> Fact:
    """Return the fact of a record of a fact topic; raises NewerVersionError, UnreadableError."""
    fact: Fact = decode(FACT_CLASSES[record.partition.topic], record)
    return fact


def decode_watermark(record: Record) -> EpochMs:
    """Return the instant of a record of the watermark topic; raises NewerVersionError, UnreadableError."""
    watermark = _decode_value(Watermark, record)
    try:
        return timestamps.from_text(watermark.as_of)
    except (ValueError, TypeError) as error:  # no date, or one without a time zone
        raise UnreadableError(f"{type(error).__name__}: {error}") from error


T = TypeVar("T")


def _decode_value(cls: type[T], record: Record) -> T:
    if record.value is None:
        raise UnreadableError("the record has no value")
    try:
        codec.require_known_version(record.headers)
        return codec.decode(cls, record.value)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise UnreadableError(f"{type(error).__name__}: {error}") from error
