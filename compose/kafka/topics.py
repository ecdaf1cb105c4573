"""Create the topics of schemas/topics.py: `promo topics`, or `python -m compose.kafka.topics` in a container."""

import asyncio
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka.admin import NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from compose.errors import StackError, StartFailed
from schemas import settings as environment
from schemas.runtime.kafka_clients import make_admin_client
from schemas.settings import Settings
from schemas.topics import TOPICS

CREATE_TIMEOUT_SECONDS = 30.0
MAX_REPLICAS = 3  # in a cluster with as many brokers


async def create(settings: Settings) -> int:
    """Create the missing topics, and return the number of all topics. Raises StackError."""
    deadline = time.monotonic() + CREATE_TIMEOUT_SECONDS
    while True:
        try:
            await _create(settings)
            return len(TOPICS)
        except KafkaError as error:  # right after its start a broker may not be in its own metadata
            if time.monotonic() > deadline:
                raise StartFailed("kafka", f"did not create the topics: {error!r}", None) from error
            await asyncio.sleep(0.1)


async def _create(settings: Settings) -> None:
    admin = make_admin_client(settings.kafka, client_id="promo-compose")
    try:
        await admin.start()
        brokers = len((await admin.describe_cluster())["brokers"])
        new_topics = [
            NewTopic(
                topic.name,
                getattr(settings, topic.partitions),
                min(brokers, MAX_REPLICAS),
                topic_configs=topic.configs(),
            )
            for topic in TOPICS
        ]
        response = await admin.create_topics(new_topics)
        existing = []
        for name, code, *message in response.topic_errors:
            error = for_code(code)
            if error is TopicAlreadyExistsError:
                existing.append(name)
            elif code != 0:
                raise error(*message)
        if existing:
            _check_partitions(settings, await admin.describe_topics(existing))
    finally:
        await admin.close()


def _check_partitions(settings: Settings, described: Sequence[Mapping[str, Any]]) -> None:
    """Raise StackError unless the topics have the partitions of the settings: a key would move to another one."""
    existing = {topic["topic"]: len(topic["partitions"]) for topic in described}
    wanted = {topic.partitions: getattr(settings, topic.partitions) for topic in TOPICS}
    found = {topic.partitions: existing[topic.name] for topic in TOPICS if topic.name in existing}
    faults = [
        f"PROMO_{setting.upper()}={wanted[setting]}, but the topics in Kafka have {count}."
        for setting, count in found.items()
        if count != wanted[setting]
    ]
    if faults:
        raise StackError(
            "\n  ".join([*faults, "Set that number, or begin with another PROMO_DATA_DIR or Kafka."])
        )


def main() -> int:
    """Create the missing topics in the cluster of the settings; returns 2 for wrong settings, 1 for a failure."""
    try:
        count = asyncio.run(create(environment.read()))
    except environment.SettingError as error:
        print(error, file=sys.stderr)
        return 2
    except (StackError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"topics: {count}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
