"""Requests of Kafka's protocol that aiokafka 0.14 lacks: metadata with topic ids, and changes of single configurations.

The fields are those of Kafka's message definitions (`MetadataRequest.json`, `IncrementalAlterConfigsRequest.json`).
"""

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import UnknownTopicOrPartitionError, for_code
from aiokafka.protocol.abstract import AbstractType
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    Array,
    Boolean,
    CompactArray,
    CompactString,
    Int8,
    Int16,
    Int32,
    Schema,
    String,
    TaggedFields,
)

#: The type of a topic among the resources that have configurations.
_TOPIC = 2
#: The operation that sets one configuration and leaves the others.
_SET = 0


class Uuid(AbstractType):
    """16 bytes, as 32 hexadecimal digits; empty for zeros, which mean no id."""

    @classmethod
    def encode(cls, value: str) -> bytes:
        """Return the bytes of an id."""
        return bytes.fromhex(value) or bytes(16)

    @classmethod
    def decode(cls, data: BytesIO) -> str:
        """Return the next id of the data."""
        raw = data.read(16)
        return raw.hex() if any(raw) else ""


class TopicMetadataResponse(Response):
    """Brokers, topics and their ids."""

    API_KEY = 3
    API_VERSION = 10
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            CompactArray(
                ("node_id", Int32),
                ("host", CompactString("utf-8")),
                ("port", Int32),
                ("rack", CompactString("utf-8")),
                ("tags", TaggedFields),
            ),
        ),
        ("cluster_id", CompactString("utf-8")),
        ("controller_id", Int32),
        (
            "topics",
            CompactArray(
                ("error_code", Int16),
                ("name", CompactString("utf-8")),
                ("topic_id", Uuid),
                ("is_internal", Boolean),
                (
                    "partitions",
                    CompactArray(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", CompactArray(Int32)),
                        ("isr", CompactArray(Int32)),
                        ("offline_replicas", CompactArray(Int32)),
                        ("tags", TaggedFields),
                    ),
                ),
                ("authorized_operations", Int32),
                ("tags", TaggedFields),
            ),
        ),
        ("authorized_operations", Int32),
        ("tags", TaggedFields),
    )


class TopicMetadataStruct(RequestStruct):
    """Version 10, of Kafka 2.8 and later."""

    FLEXIBLE_VERSION = True
    API_KEY = 3
    API_VERSION = 10
    RESPONSE_TYPE = TopicMetadataResponse
    SCHEMA = Schema(
        (
            "topics",
            CompactArray(("topic_id", Uuid), ("name", CompactString("utf-8")), ("tags", TaggedFields)),
        ),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
        ("tags", TaggedFields),
    )


class TopicMetadataRequest(Request[TopicMetadataStruct]):
    """Asks for the metadata of some topics, and creates none of them."""

    API_KEY = 3

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names

    def build(self, request_struct_class: type[TopicMetadataStruct]) -> Any:
        """Return the request as it is sent."""
        return request_struct_class([("", name, {}) for name in self._names], False, False, False, {})


async def fetch_topic_metadata(client: AIOKafkaClient, names: Sequence[str]) -> dict[str, Any]:
    """Return cluster id, brokers and those of these topics that exist, by name. Raises KafkaError."""
    response = await client.send(client.get_random_node(), TopicMetadataRequest(names))
    metadata: dict[str, Any] = response.to_object()
    found = {}
    for topic in metadata["topics"]:
        error = for_code(topic["error_code"])
        if topic["error_code"] == 0:
            found[topic["name"]] = topic
        elif error is not UnknownTopicOrPartitionError:
            raise error(topic["name"])
    return metadata | {"topics": found}


class IncrementalAlterConfigsResponse(Response):
    """What became of each resource."""

    API_KEY = 44
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "responses",
            Array(
                ("error_code", Int16),
                ("error_message", String("utf-8")),
                ("resource_type", Int8),
                ("resource_name", String("utf-8")),
            ),
        ),
    )


class IncrementalAlterConfigsStruct(RequestStruct):
    """Version 0, of Kafka 2.3 and later."""

    API_KEY = 44
    API_VERSION = 0
    RESPONSE_TYPE = IncrementalAlterConfigsResponse
    SCHEMA = Schema(
        (
            "resources",
            Array(
                ("resource_type", Int8),
                ("resource_name", String("utf-8")),
                (
                    "configs",
                    Array(
                        ("name", String("utf-8")),
                        ("operation", Int8),
                        ("value", String("utf-8")),
                    ),
                ),
            ),
        ),
        ("validate_only", Boolean),
    )


class IncrementalAlterConfigsRequest(Request[IncrementalAlterConfigsStruct]):
    """Sets some configurations of topics. aiokafka's `alter_configs` would reset all others to the broker's defaults."""

    API_KEY = 44

    def __init__(self, configs: Mapping[str, Mapping[str, str]]) -> None:
        self._configs = configs

    def build(self, request_struct_class: type[IncrementalAlterConfigsStruct]) -> Any:
        """Return the request as it is sent."""
        resources = [
            (_TOPIC, topic, [(name, _SET, value) for name, value in configs.items()])
            for topic, configs in self._configs.items()
        ]
        return request_struct_class(resources, False)
