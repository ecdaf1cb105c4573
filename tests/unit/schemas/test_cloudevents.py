"""Records are valid CloudEvents 1.0 (Kafka protocol binding, binary mode)."""

import json
from typing import get_args

import pytest
from cloudevents.v1.kafka import KafkaMessage, from_binary

from schemas import codec
from schemas.codec import EVENT_TYPES
from schemas.commands import Command
from schemas.facts import Fact, Watermark
from schemas.payments import PaymentRequest
from schemas.publication import json_schemas
from schemas.replies import Reply

OUTSIDE = [*get_args(Command), *get_args(Fact), PaymentRequest]
AT = "2026-01-01T12:00:00.000Z"


@pytest.mark.parametrize("cls", OUTSIDE, ids=lambda cls: EVENT_TYPES[cls])
def test_a_record_can_be_read_as_a_cloud_event(cls: type) -> None:
    """With the library of the CloudEvents project."""
    raw = json_schemas.sample_paths(cls)[-1].read_bytes()
    headers = codec.headers(cls, "3-17-0", codec.NO_TRACE, at=AT)
    event = from_binary(
        KafkaMessage(headers=dict(headers), key=b"r1", value=raw), data_unmarshaller=json.loads
    )
    assert (event["specversion"], event["id"], event["time"]) == ("1.0", "3-17-0", AT)
    assert event["type"] == f"promo.{EVENT_TYPES[cls]}"
    assert event["source"].startswith("/promo-relampago/") and event.data == json.loads(raw)
    assert event["datacontenttype"] == "application/json"


@pytest.mark.parametrize("cls", OUTSIDE, ids=lambda cls: EVENT_TYPES[cls])
def test_the_headers_of_the_contract_remain(cls: type) -> None:
    """CONTRACT.md, Topics: `event-id`, `event-type`, `schema-version` and `traceparent` on each record."""
    headers = codec.headers(cls, "e", b"trace")
    assert {name: value for name, value in headers if not name.startswith(("ce_", "content-"))} == {
        "event-id": b"e",
        "event-type": EVENT_TYPES[cls].encode(),
        "schema-version": codec.header(headers, "schema-version"),
        "traceparent": b"trace",
    }
    assert len(headers) == len(dict(headers)), "a repeated header"


@pytest.mark.parametrize("cls", [Reply, Watermark])
def test_internal_records_have_no_cloudevents_headers(cls: type) -> None:
    """Replies and watermarks are many and small, and only our processes read them."""
    assert len(codec.headers(cls, "e", b"trace")) == 4
