"""The topics of the comparison."""

from aiokafka.admin import AIOKafkaAdminClient, NewTopic

PARTITIONS = 8
IN, OUT = "cmp-in", "cmp-out"
CHANGELOG = "cmp-counts-changelog"


def name(workload: str, topic: str) -> str:
    """Return the name of a topic of a workload."""
    return f"{workload}-{topic}"


async def create(bootstrap: str, workload: str) -> None:
    """Create the topics of a workload."""
    compacted = {"cleanup.policy": "compact"}
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics(
            [
                NewTopic(name(workload, IN), PARTITIONS, 1),
                NewTopic(name(workload, OUT), PARTITIONS, 1),
                NewTopic(name(workload, CHANGELOG), PARTITIONS, 1, topic_configs=compacted),
            ]
        )
    finally:
        await admin.close()
