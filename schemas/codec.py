"""The codec of all records: JSON values by msgspec, and the headers."""

import os
import re
from collections.abc import Iterable
from typing import Any, NamedTuple, TypeVar, get_args

import msgspec

from schemas.commands import Command, PaymentResult, PlaceOrder, Tick
from schemas.facts import OrderCreated, Watermark
from schemas.notifications import PushDelivery, PushSubscription, WebhookDelivery
from schemas.payments import PaymentRequest
from schemas.replies import Reply
from schemas.setting_types import MAX_PARTITIONS
from schemas.topics import FACT_TOPICS

Headers = list[tuple[str, bytes]]
T = TypeVar("T")

#: The `schema-version` header of classes whose version is not 1. Each version has a sample in schemas/samples.
_VERSIONS: dict[type, bytes] = {PlaceOrder: b"2", OrderCreated: b"2", PushDelivery: b"2"}
#: The newest version that this release reads, of classes of which it writes an older one (README.md, Change a message).
_READ_AHEAD: dict[type, int] = {}

MAX_CORRELATION_ID_BYTES = 256
_PARTITION = re.compile(rb"[0-9]{1,4}")
#: The trace context of a record whose cause had none.
NO_TRACE = b"00-" + b"0" * 32 + b"-" + b"0" * 16 + b"-00"

#: The `event-type` header of each message class: a command's is the tag in its JSON, a fact's the name of its topic.
EVENT_TYPES: dict[type, str] = {
    **{cls: cls.__struct_config__.tag for cls in get_args(Command)},
    **{cls: topic.name for cls, topic in FACT_TOPICS.items()},
    PaymentRequest: "payment-request",
    WebhookDelivery: "webhook-delivery",
    PushSubscription: "push-subscription",
    PushDelivery: "push-delivery",
    Watermark: "watermark",
    Reply: "reply",
}
#: The `ce_source` header: where events of a class come from. Together with `ce_id` it identifies an event worldwide.
_SOURCES: dict[type, bytes] = {
    **dict.fromkeys(EVENT_TYPES, b"/promo-relampago/streams"),
    **dict.fromkeys(get_args(Command), b"/promo-relampago/ingress"),
    PaymentResult: b"/promo-relampago/egress",
    Tick: b"/promo-relampago/clock",
}
_VERSION = re.compile(rb"[0-9]{1,9}")
#: Internal messages, many and small, are no CloudEvents.
_INTERNAL = frozenset({Reply, Watermark})

#: Returns the JSON of a message.
encode = msgspec.json.Encoder().encode
#: Return the command or the reply that JSON encodes. Raise msgspec.DecodeError.
decode_command = msgspec.json.Decoder(Command).decode
decode_reply = msgspec.json.Decoder(Reply).decode

_decoders: dict[type, msgspec.json.Decoder[Any]] = {cls: msgspec.json.Decoder(cls) for cls in EVENT_TYPES}


def _constant_headers(cls: type, name: str) -> Headers:
    own = [("event-type", name.encode()), ("schema-version", _VERSIONS.get(cls, b"1"))]
    if cls in _INTERNAL:
        return own
    return [
        *own,
        ("content-type", b"application/json"),
        ("ce_specversion", b"1.0"),
        ("ce_type", b"promo." + name.encode()),
        ("ce_source", _SOURCES[cls]),
    ]


#: The headers that are the same for all records of a class.
_CONSTANT: dict[type, Headers] = {cls: _constant_headers(cls, name) for cls, name in EVENT_TYPES.items()}


def written_version(cls: type) -> int:
    """Return the version of the records that this release writes of a class."""
    return int(_VERSIONS.get(cls, b"1"))


def known_version(cls: type) -> int:
    """Return the newest version of a class that this release reads."""
    return _READ_AHEAD.get(cls, written_version(cls))


#: By the `event-type` header.
_KNOWN_VERSIONS: dict[bytes, int] = {name.encode(): known_version(cls) for cls, name in EVENT_TYPES.items()}


class NewerVersionError(Exception):
    """A record has a version that this release does not know. Only a newer release may act on it, or set it aside."""


def require_known_version(record_headers: Iterable[tuple[str, bytes]] | None) -> None:
    """Check the version of a record before it is decoded; every reader of messages calls it first.

    A record without the headers has version 1, and one of a type that is not known is for its decoder to refuse. Raises
    NewerVersionError for a version that is newer than this release, ValueError for one that is no number.
    """
    version = header(record_headers, "schema-version")
    if version is None or version == b"1":
        return
    if not _VERSION.fullmatch(version):
        raise ValueError(f"schema-version is no number: {version[:20]!r}")
    event_type = header(record_headers, "event-type") or b""
    known = _KNOWN_VERSIONS.get(event_type)
    if known is not None and int(version) > known:
        raise NewerVersionError(
            f"{event_type.decode()} of version {int(version)}; this release knows {known}"
        )


class ReplyAddress(NamedTuple):
    """Where the reply to a command goes: a partition of the replies topic, and the request's id (EIP: Return Address)."""

    partition: int
    correlation_id: bytes


def decode(cls: type[T], raw: bytes) -> T:
    """Return the message of this class that `raw` encodes; raises msgspec.DecodeError."""
    return _decoders[cls].decode(raw)  # type: ignore[no-any-return]


def new_traceparent(*, sampled: bool = True) -> bytes:
    """Return a new W3C trace context; of a context that is not sampled, no spans are exported."""
    raw = os.urandom(24).hex()
    return f"00-{raw[:32]}-{raw[32:]}-{sampled:02x}".encode()


def headers(
    cls: type, event_id: str, traceparent: bytes, reply_to: ReplyAddress | None = None, at: str | None = None
) -> Headers:
    """Return the headers of a record of this class: ours, and those of CloudEvents 1.0 in Kafka's binary mode.

    `at` is the RFC 3339 time of the event, if it is known when the record is written.
    """
    identity = event_id.encode()
    result: Headers = [("event-id", identity), *_CONSTANT[cls], ("traceparent", traceparent)]
    if cls not in _INTERNAL:
        result.append(("ce_id", identity))
        if at is not None:
            result.append(("ce_time", at.encode()))
    if reply_to is not None:
        result.append(("reply-partition", b"%d" % reply_to.partition))
        result.append(("correlation-id", reply_to.correlation_id))
    return result


def header(record_headers: Iterable[tuple[str, bytes]] | None, name: str) -> bytes | None:
    """Return the first header of this name, or None."""
    return next((value for key, value in record_headers or () if key == name), None)


def reply_address(
    record_headers: Iterable[tuple[str, bytes]] | None, partitions: int = MAX_PARTITIONS
) -> ReplyAddress | None:
    """Return where the reply goes; None if no reply is wanted, or if the address is none of the topic's `partitions`.

    A reply to a partition that does not exist would make its whole transaction fail, each time.
    """
    partition = header(record_headers, "reply-partition")
    correlation_id = header(record_headers, "correlation-id")
    if partition is None or correlation_id is None or not _PARTITION.fullmatch(partition):
        return None
    if len(correlation_id) > MAX_CORRELATION_ID_BYTES:
        return None
    number = int(partition)
    return ReplyAddress(number, correlation_id) if number < partitions else None
