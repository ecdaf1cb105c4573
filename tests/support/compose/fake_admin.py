"""An admin client over topics in memory."""

from collections.abc import Sequence
from types import SimpleNamespace

from aiokafka.admin import NewTopic
from aiokafka.errors import UnknownTopicOrPartitionError

from schemas.runtime.kafka_requests import IncrementalAlterConfigsRequest, TopicMetadataRequest


class FakeTopic:
    def __init__(self, partitions: int, replicas: int, configs: dict[str, str]) -> None:
        self.partitions = partitions
        self.replicas = replicas
        self.configs = configs


class FakeAdmin:
    """Answers as a cluster does; `writes` counts what changed it."""

    def __init__(self, brokers: int = 3) -> None:
        self.brokers = brokers
        self.topics: dict[str, FakeTopic] = {}
        self.defaults = {"cleanup.policy": "delete", "message.timestamp.type": "CreateTime"}
        self.writes = 0
        self._client = self  # whose requests go to any broker

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def create_topics(self, topics: Sequence[NewTopic]) -> SimpleNamespace:
        self.writes += 1
        for one in topics:
            assert one.name not in self.topics
            self.topics[one.name] = FakeTopic(
                one.num_partitions, one.replication_factor, dict(one.topic_configs)
            )
        return SimpleNamespace(topic_errors=[(one.name, 0, None) for one in topics])

    async def describe_configs(self, resources: Sequence) -> list[SimpleNamespace]:
        described = []
        for one in resources:
            has = self.defaults | self.topics[one.name].configs
            entries = [(name, has.get(name)) for name in one.configs]
            described.append((0, None, one.resource_type, one.name, entries))
        return [SimpleNamespace(resources=described)]

    def get_random_node(self) -> int:
        return 0

    async def send(self, node: int, request: object) -> SimpleNamespace:
        return await self._send_request(request)

    async def _send_request(self, request: object) -> SimpleNamespace:
        if isinstance(request, IncrementalAlterConfigsRequest):
            self.writes += 1
            for name, configs in request._configs.items():
                self.topics[name].configs |= configs
            return SimpleNamespace(responses=[(0, None, 2, name) for name in request._configs])
        assert isinstance(request, TopicMetadataRequest)
        metadata = {
            "cluster_id": "c",
            "brokers": [{}] * self.brokers,
            "topics": [self._describe(name) for name in request._names],
        }
        return SimpleNamespace(to_object=lambda: metadata)

    def _describe(self, name: str) -> dict[str, object]:
        if (topic := self.topics.get(name)) is None:
            code = UnknownTopicOrPartitionError.errno
            return {"error_code": code, "name": name, "topic_id": "", "partitions": []}
        partitions = [{"replicas": list(range(topic.replicas))}] * topic.partitions
        return {"error_code": 0, "name": name, "topic_id": f"id-{name}", "partitions": partitions}
