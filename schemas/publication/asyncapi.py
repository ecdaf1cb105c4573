"""The AsyncAPI 3 document of the topics that others may read, made from the registry and the message classes."""

import json
from typing import Any, get_args

import msgspec

from schemas import codec
from schemas.codec import EVENT_TYPES
from schemas.commands import Command
from schemas.payments import PaymentRequest
from schemas.publication import json_schemas
from schemas.settings import Settings
from schemas.topics import DEAD_LETTER_TOPICS, FACT_TOPICS, ORDER_COMMANDS, PAYMENT_REQUESTS, Topic

FILE = json_schemas.FOLDER / "asyncapi.json"
#: Grows with each change of the topics, in its first number if the change breaks readers.
VERSION = "1.0.0"

_TEXT = {"type": "string"}
_HEADERS = {
    "event-id": "identifies the event within its topic",
    "event-type": "type of the message",
    "schema-version": "version of its schema",
    "traceparent": "W3C trace context",
    "ce_specversion": "CloudEvents: 1.0",
    "ce_id": "CloudEvents: with ce_source, identifies the event worldwide",
    "ce_source": "CloudEvents: origin of the event",
    "ce_type": "CloudEvents: type of the message",
    "ce_time": "CloudEvents: time of the event, RFC 3339, if known",
    "content-type": "application/json",
}
_DEAD_LETTER_HEADERS = {
    "dlq-reason": "why it could not be processed",
    "dlq-error": "class and text of the error",
    "dlq-topic": "topic of the record",
    "dlq-partition": "partition of the record",
    "dlq-offset": "offset of the record",
    "dlq-attempts": "how often processing has failed",
}


def render() -> str:
    """Return the text of the file."""
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


def document() -> dict[str, Any]:
    """Return the document."""
    messages: dict[Topic, tuple[type, ...]] = {
        ORDER_COMMANDS: get_args(Command),
        **{topic: (cls,) for cls, topic in FACT_TOPICS.items()},
        PAYMENT_REQUESTS: (PaymentRequest,),
    }
    classes = [cls for of_topic in messages.values() for cls in of_topic]
    _, schemas = msgspec.json.schema_components(classes, ref_template="#/components/schemas/{name}")
    channels = {
        topic.name: _channel(topic, [EVENT_TYPES[cls] for cls in of_topic])
        for topic, of_topic in messages.items()
    }
    channels |= {topic.name: _channel(topic, ["dead-letter"]) for topic in DEAD_LETTER_TOPICS.values()}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Promo Relâmpago",
            "version": VERSION,
            "description": "Topics keyed by restaurant id. Read with `read_committed`: then every fact appears "
            "exactly once, in restaurant order. Every event of an order or a stock carries the resulting state "
            "and a version that grows by one.",
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": {topic.name: _operation(topic) for topic in (*messages, *DEAD_LETTER_TOPICS.values())},
        "components": {
            "schemas": _name_discriminators(dict(sorted(schemas.items()))),
            "messages": {EVENT_TYPES[cls]: _message(cls) for cls in classes} | {"dead-letter": _DEAD_LETTER},
        },
    }


def _name_discriminators(schema: Any) -> Any:
    """Replace each discriminator of OpenAPI by the name of its property, which is AsyncAPI's form."""
    if isinstance(schema, list):
        return [_name_discriminators(member) for member in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {name: _name_discriminators(member) for name, member in schema.items()}
    match schema:
        case {"discriminator": {"propertyName": str(name)}}:
            schema["discriminator"] = name
    return schema


def _channel(topic: Topic, messages: list[str]) -> dict[str, Any]:
    return {
        "address": topic.name,
        "description": f"{topic.contents}; written by {topic.writer}",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
        "bindings": {
            "kafka": {
                "partitions": getattr(Settings(), topic.partitions),
                "topicConfiguration": {"retention.ms": topic.retention_ms},
                "bindingVersion": "0.5.0",
            }
        },
    }


def _operation(topic: Topic) -> dict[str, Any]:
    return {
        "action": "receive" if topic is ORDER_COMMANDS else "send",
        "channel": {"$ref": f"#/channels/{topic.name}"},
        "summary": topic.contents,
    }


def _message(cls: type) -> dict[str, Any]:
    name = EVENT_TYPES[cls]
    required = [header for header, _ in codec.headers(cls, "", b"")]
    sample = json_schemas.sample_paths(cls)[-1]
    return {
        "name": name,
        "summary": (cls.__doc__ or "").strip().splitlines()[0],
        "headers": {
            "type": "object",
            "properties": {header: _TEXT | {"description": means} for header, means in _HEADERS.items()},
            "required": required,
        },
        "payload": {"$ref": f"#/components/schemas/{cls.__name__}"},
        "bindings": {
            "kafka": {"key": _TEXT | {"description": "the restaurant's id"}, "bindingVersion": "0.5.0"}
        },
        "examples": [{"name": sample.stem, "payload": json.loads(sample.read_text())}],
    }


_DEAD_LETTER: dict[str, Any] = {
    "name": "dead-letter",
    "summary": "The original bytes, key and headers, and why they could not be processed.",
    "contentType": "application/octet-stream",
    "headers": {
        "type": "object",
        "properties": {
            header: _TEXT | {"description": means} for header, means in _DEAD_LETTER_HEADERS.items()
        },
        "required": list(_DEAD_LETTER_HEADERS),
    },
    "payload": {"description": "any bytes"},
}
