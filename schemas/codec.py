"""The one codec: JSON by msgspec, and the headers that every record has."""

import os
from collections.abc import Iterable
from typing import Any, NamedTuple, TypeVar

import msgspec

from schemas.commands import (
    AdvanceOrder,
    CancelOrder,
    Command,
    PaymentResult,
    PlaceOrder,
    PutMenuItem,
    PutPromotion,
    PutRestaurant,
    Tick,
)
from schemas.facts import (
    CatalogChanged,
    OrderCancelled,
    OrderConfirmed,
    OrderCreated,
    OrderFailed,
    OrderStatusChanged,
    PaymentRefunded,
    StockReleased,
    StockReserved,
    Watermark,
)
from schemas.payments import PaymentRequest
from schemas.replies import Reply

Headers = list[tuple[str, bytes]]
T = TypeVar("T")

SCHEMA_VERSION = b"1"

#: The trace context of a record that came without one.
NO_TRACE = b"00-" + b"0" * 32 + b"-" + b"0" * 16 + b"-00"

#: The `event-type` header of each message class.
EVENT_TYPES: dict[type, str] = {
    PlaceOrder: "place-order",
    AdvanceOrder: "advance-order",
    CancelOrder: "cancel-order",
    PaymentResult: "payment-result",
    PutRestaurant: "put-restaurant",
    PutMenuItem: "put-menu-item",
    PutPromotion: "put-promotion",
    Tick: "tick",
    OrderCreated: "order.created",
    StockReserved: "stock.reserved",
    OrderConfirmed: "order.confirmed",
    OrderFailed: "order.failed",
    StockReleased: "stock.released",
    OrderStatusChanged: "order.status-changed",
    OrderCancelled: "order.cancelled",
    PaymentRefunded: "payment.refunded",
    CatalogChanged: "catalog.changed",
    PaymentRequest: "payment-request",
    Watermark: "watermark",
    Reply: "reply",
}
CLASSES: dict[str, type] = {name: cls for cls, name in EVENT_TYPES.items()}

encode = msgspec.json.Encoder().encode
decode_command = msgspec.json.Decoder(Command).decode
decode_reply = msgspec.json.Decoder(Reply).decode

_decoders: dict[type, msgspec.json.Decoder[Any]] = {cls: msgspec.json.Decoder(cls) for cls in EVENT_TYPES}


class ReplyAddress(NamedTuple):
    """Where the answer to a command goes: a partition of the replies topic, and which request."""

    partition: int
    correlation_id: bytes


def decode(cls: type[T], raw: bytes) -> T:
    """Decode a message of a known class; raises msgspec.DecodeError, msgspec.ValidationError."""
    return _decoders[cls].decode(raw)  # type: ignore[no-any-return]


def new_traceparent() -> bytes:
    """Return a fresh W3C trace context."""
    raw = os.urandom(24).hex()
    return f"00-{raw[:32]}-{raw[32:]}-01".encode()


def headers(cls: type, event_id: str, traceparent: bytes, reply_to: ReplyAddress | None = None) -> Headers:
    """Return the headers of a record of this class."""
    result: Headers = [
        ("event-id", event_id.encode()),
        ("event-type", EVENT_TYPES[cls].encode()),
        ("schema-version", SCHEMA_VERSION),
        ("traceparent", traceparent),
    ]
    if reply_to is not None:
        result.append(("reply-partition", b"%d" % reply_to.partition))
        result.append(("correlation-id", reply_to.correlation_id))
    return result


def header(record_headers: Iterable[tuple[str, bytes]] | None, name: str) -> bytes | None:
    """Return the first header of this name, or None."""
    return next((value for key, value in record_headers or () if key == name), None)


def reply_address(record_headers: Iterable[tuple[str, bytes]] | None) -> ReplyAddress | None:
    """Return where the answer goes; None where nobody waits or the address cannot be read."""
    partition = header(record_headers, "reply-partition")
    correlation_id = header(record_headers, "correlation-id")
    if partition is None or correlation_id is None or not partition.isdigit():
        return None
    return ReplyAddress(int(partition), correlation_id)
