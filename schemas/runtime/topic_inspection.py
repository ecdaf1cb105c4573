"""Reads what a cluster really has of our topics: partitions, replicas, configurations."""

from collections.abc import Sequence
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import for_code

from schemas.runtime.kafka_requests import fetch_topic_metadata
from schemas.topic_differences import ClusterState, TopicState
from schemas.topics import REPLICAS, TOPICS, Topic


async def read_topics(admin: AIOKafkaAdminClient, topics: Sequence[Topic] = TOPICS) -> ClusterState:
    """Return what the cluster of a started client has of these topics, in two requests. Raises KafkaError."""
    metadata = await fetch_topic_metadata(admin._client, [topic.name for topic in topics])
    found = metadata["topics"]
    configs = await _read_configs(admin, [topic for topic in topics if topic.name in found])
    states = {
        name: TopicState(
            len(one["partitions"]),
            min(len(partition["replicas"]) for partition in one["partitions"]),
            configs[name],
        )
        for name, one in found.items()
    }
    return ClusterState(str(metadata["cluster_id"]), len(metadata["brokers"]), states)


async def _read_configs(admin: AIOKafkaAdminClient, topics: Sequence[Topic]) -> dict[str, dict[str, str]]:
    """Return the configurations that the registry names, with the broker's defaults."""
    if not topics:
        return {}
    resources = [
        ConfigResource(ConfigResourceType.TOPIC, topic.name, topic.configs(REPLICAS)) for topic in topics
    ]
    [response] = await admin.describe_configs(resources)
    described: dict[str, dict[str, str]] = {}
    for code, message, _, name, entries in response.resources:
        if code != 0:
            raise for_code(code)(f"{name}: {message}")
        described[name] = {str(entry[0]): _text(entry[1]) for entry in entries}
    return described


def _text(value: Any) -> str:
    return "" if value is None else str(value)
