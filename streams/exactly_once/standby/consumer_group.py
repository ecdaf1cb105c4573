"""The consumer group as the broker describes it: its members, and the source partitions of each."""

from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment

from schemas.kafka_connection import KafkaConnection
from schemas.runtime.kafka_clients import make_admin_client

#: A broker makes a static member's id of its name, a hyphen and a UUID.
_SUFFIX_LENGTH = 37


class KafkaGroupMembership:
    """One consumer group; each call opens a connection, since calls are seconds apart."""

    def __init__(self, connection: KafkaConnection, group: str, topic: str) -> None:
        self._connection = connection
        self._group = group
        self._topic = topic

    async def owners(self) -> dict[str, set[int]]:
        """Return the source partitions of each member, by the member's static name."""
        admin = make_admin_client(self._connection)
        await admin.start()
        try:
            [described] = await admin.describe_consumer_groups([self._group])
        finally:
            await admin.close()
        members = described.to_object()["groups"][0]["members"]
        return {m["member_id"][:-_SUFFIX_LENGTH]: self._partitions(m["member_assignment"]) for m in members}

    def _partitions(self, raw: bytes) -> set[int]:
        if not raw:
            return set()
        assignment = ConsumerProtocolMemberAssignment.decode(raw).assignment
        return {
            partition for topic, partitions in assignment if topic == self._topic for partition in partitions
        }
