"""The check of a starting process: it does not work on topics that are not what this release needs."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

from schemas.runtime.kafka_clients import REQUEST_TIMEOUT_MS, make_admin_client
from schemas.runtime.reconnect import run_reconnecting
from schemas.runtime.topic_inspection import read_topics
from schemas.settings import Settings
from schemas.topic_differences import ClusterState, find_differences, render_differences
from schemas.topics import TOPICS, Topic

log = logging.getLogger(__name__)

#: How long a difference may last: a topic that was just made is not known to each broker at once.
GRACE_SECONDS = 3.0
POLL_INTERVAL_SECONDS = 0.2


class TopicsDifferError(Exception):
    """Topics in Kafka differ from the registry in what orders depend on; to start again does not help."""


async def check_topics(settings: Settings, topics: Sequence[Topic] = TOPICS) -> ClusterState:
    """Return the topics of the cluster, after a warning for each harmless difference.

    Raises TopicsDifferError for dangerous ones, which names them, and KafkaError.
    """
    admin = make_admin_client(settings.kafka, request_timeout_ms=REQUEST_TIMEOUT_MS)
    deadline = time.monotonic() + GRACE_SECONDS
    try:
        await admin.start()
        while True:
            state = await read_topics(admin, topics)
            differences = find_differences(state, settings, topics)
            dangerous = [one for one in differences if one.is_dangerous]
            if not dangerous:
                break
            if time.monotonic() > deadline:
                raise TopicsDifferError(
                    f"topics in Kafka are not as this release needs them:\n{render_differences(dangerous)}\n"
                    "  Run promo topics, which sets what can be set and says what to do about the rest."
                )
            await asyncio.sleep(POLL_INTERVAL_SECONDS)
    finally:
        await admin.close()
    if differences:
        log.warning(
            "topics differ from the registry (promo topics --check):\n%s", render_differences(differences)
        )
    return state


async def wait_for_topics(settings: Settings) -> None:
    """Check the topics as soon as Kafka answers. Raises TopicsDifferError."""

    async def check(connected: Callable[[], None]) -> None:
        await check_topics(settings)

    await run_reconnecting("preflight", check)
