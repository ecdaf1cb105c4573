"""The creation of topics, on a real broker."""

import re

import pytest
from msgspec.structs import replace

from compose.errors import StackError
from compose.kafka import topics
from schemas.kafka_connection import KafkaConnection
from schemas.settings import Settings
from schemas.topics import TOPICS


async def test_existing_topics_are_kept(connection: KafkaConnection) -> None:
    """A second start finds them."""
    assert await topics.create(Settings(kafka_bootstrap_servers=connection.bootstrap_servers)) == len(TOPICS)


@pytest.mark.parametrize(("setting", "count"), [("partitions", 8), ("reply_partitions", 16)])
async def test_another_number_of_partitions_is_refused(
    connection: KafkaConnection, setting: str, count: int
) -> None:
    """With more, a restaurant's key would move to a partition without its state, and views would wait for watermarks."""
    existing = Settings(kafka_bootstrap_servers=connection.bootstrap_servers)
    for other in (count - 1, count + 1):
        message = f"PROMO_{setting.upper()}={other}, but the topics in Kafka have {count}."
        with pytest.raises(StackError, match=re.escape(message)):
            await topics.create(replace(existing, **{setting: other}))
