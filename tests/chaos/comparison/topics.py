"""The topics of the comparison."""

from aiokafka.admin import AIOKafkaAdminClient, NewTopic

PARTITIONS = 8
IN, OUT = "cmp-in", "cmp-out"
CHANGELOG = "cmp-counts-changelog"


def name(workload: str, topic: str) -> str:
    """Return a topic's name: each workload has its own."""
    return f"{workload}-{topic}"


async def create(bootstrap: str, workload: str) -> None:
    """Make them."""
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
