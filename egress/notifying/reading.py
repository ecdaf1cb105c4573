"""From a record to the delivery that it holds."""

from typing import TypeVar

import msgspec

from egress.fact_log import Record
from egress.fact_reading import UnreadableError, require_key
from schemas import codec
from schemas.notifications import PushDelivery, WebhookDelivery

T = TypeVar("T", WebhookDelivery, PushDelivery)


def read(cls: type[T], record: Record) -> T:
    """Return the delivery; raises UnreadableError."""
    if record.value is None:
        raise UnreadableError("the record has no value")
    try:
        delivery = codec.decode(cls, record.value)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise UnreadableError(f"{type(error).__name__}: {error}") from error
    require_key(record, delivery.restaurant_id)
    return delivery
