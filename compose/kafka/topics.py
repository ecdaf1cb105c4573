"""Make the topics of the registry; `python -m compose.kafka.topics` where a cluster is given."""

import asyncio
import sys
import time

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from compose.errors import StartFailed
from schemas import settings as environment
from schemas.settings import Settings
from schemas.topics import TOPICS

LIMIT_SECONDS = 30.0
MOST_REPLICAS = 3  # where the cluster has as many brokers


async def create(settings: Settings, bootstrap_servers: str) -> int:
    """Create what is missing; returns how many topics the registry has. Raises StartFailed."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while True:
        try:
            await _create(settings, bootstrap_servers)
            return len(TOPICS)
        except KafkaError as error:  # a broker that has just started may not yet know itself
            if time.monotonic() > deadline:
                raise StartFailed("kafka", f"did not take the topics: {error!r}", None) from error
            await asyncio.sleep(0.1)


async def _create(settings: Settings, bootstrap_servers: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers, client_id="promo-compose")
    try:
        await admin.start()
        brokers = len((await admin.describe_cluster())["brokers"])
        wanted = [
            NewTopic(
                topic.name,
                getattr(settings, topic.partitions),
                min(brokers, MOST_REPLICAS),
                topic_configs=topic.configs(),
            )
            for topic in TOPICS
        ]
        response = await admin.create_topics(wanted)
        for _, code, *message in response.topic_errors:
            error = for_code(code)
            if error is not TopicAlreadyExistsError and code != 0:
                raise error(*message)
    finally:
        await admin.close()


def main() -> int:
    """Make what is missing in the cluster that the settings name."""
    try:
        given = environment.read()
        count = asyncio.run(create(given, given.bootstrap_servers))
    except (environment.SettingError, StartFailed, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"topics: {count}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
