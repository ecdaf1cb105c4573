"""The consumer group as the broker describes it: who is in it, and which source partitions each one has."""

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment

#: What a broker adds to a static member's name to make its id: a hyphen and a UUID.
_SUFFIX = 37


class KafkaGroup:
    """Asks the broker anew each time: it is asked every few seconds."""

    def __init__(self, bootstrap_servers: str, group: str, topic: str) -> None:
        """Take the broker's addresses, the group, and the source topic."""
        self._bootstrap_servers = bootstrap_servers
        self._group = group
        self._topic = topic

    async def owners(self) -> dict[str, set[int]]:
        """Return the source partitions of each member, by its static name."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self._bootstrap_servers)
        await admin.start()
        try:
            [described] = await admin.describe_consumer_groups([self._group])
        finally:
            await admin.close()
        members = described.to_object()["groups"][0]["members"]
        return {m["member_id"][:-_SUFFIX]: self._partitions(m["member_assignment"]) for m in members}

    def _partitions(self, raw: bytes) -> set[int]:
        if not raw:
            return set()
        assignment = ConsumerProtocolMemberAssignment.decode(raw).assignment
        return {
            partition for topic, partitions in assignment if topic == self._topic for partition in partitions
        }
