"""Bring the topics in Kafka to schemas/topics.py: `promo topics`, or `python -m compose.kafka.topics` in a container."""

import argparse
import asyncio
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code
from msgspec import Struct

from compose.errors import StackError, StartFailed
from schemas import settings as environment
from schemas.runtime.kafka_clients import make_admin_client
from schemas.runtime.kafka_requests import IncrementalAlterConfigsRequest
from schemas.runtime.reconnect import CONNECTION_ERRORS
from schemas.runtime.topic_inspection import read_topics
from schemas.settings import Settings
from schemas.topic_differences import Remedy, TopicDifference, find_differences, render_differences
from schemas.topics import REPLICAS, TOPICS

TIMEOUT_SECONDS = 30.0
#: How long brokers may take to show what was changed.
SETTLE_SECONDS = 5.0
POLL_INTERVAL_SECONDS = 0.1

#: What a person must do where this command cannot.
REMEDIES: dict[Remedy, str] = {
    "repartition": "Set that number, or begin with another PROMO_DATA_DIR or Kafka. Do not add partitions: keys would move.",
    "reassign": "Move partitions to more brokers (kafka-reassign-partitions.sh; in Strimzi spec.replicas), then run promo topics again.",
}
#: What a change cannot mend.
NOTES = {
    "cleanup.policy": "Records that the earlier policy has deleted do not come back.",
    "retention.ms": "Records that are deleted already do not come back.",
    "retention.bytes": "Records that are deleted already do not come back.",
    "message.timestamp.type": "Records that are stored keep the times that their senders gave them.",
}


class Synchronization(Struct, frozen=True):
    """What was changed, and what differs still."""

    changed: list[TopicDifference]
    remaining: list[TopicDifference]


async def create(settings: Settings) -> int:
    """Create the missing topics, set what others have otherwise, and return the number of topics. Raises StackError."""
    done = await synchronize(settings)
    if dangerous := [one for one in done.remaining if one.is_dangerous]:
        raise StackError(_render_remaining(dangerous))
    return len(TOPICS)


async def synchronize(settings: Settings, *, check_only: bool = False) -> Synchronization:
    """Bring the topics to the registry as far as that is possible, or only compare them. Raises StackError."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while True:
        try:
            return await _synchronize(settings, check_only)
        except CONNECTION_ERRORS as error:  # right after its start a broker may not be in its own metadata
            if time.monotonic() > deadline:
                raise StartFailed("kafka", f"did not create or change the topics: {error!r}", None) from error
            await asyncio.sleep(POLL_INTERVAL_SECONDS)


async def _synchronize(settings: Settings, check_only: bool) -> Synchronization:
    admin = make_admin_client(settings.kafka, client_id="promo-compose")
    try:
        await admin.start()
        state = await read_topics(admin)
        found = find_differences(state, settings)
        changed = [one for one in found if one.remedy in ("create", "set")]
        if check_only or not changed:
            return Synchronization([], found)
        await _create_missing(admin, settings, changed, min(state.brokers, REPLICAS))
        await _set_configs(admin, changed)
        deadline = time.monotonic() + SETTLE_SECONDS
        while True:
            remaining = find_differences(await read_topics(admin), settings)
            if time.monotonic() > deadline or not any(one.remedy in ("create", "set") for one in remaining):
                return Synchronization(changed, remaining)
            await asyncio.sleep(POLL_INTERVAL_SECONDS)
    finally:
        await admin.close()


async def _create_missing(
    admin: AIOKafkaAdminClient, settings: Settings, differences: Iterable[TopicDifference], replicas: int
) -> None:
    missing = {one.topic for one in differences if one.remedy == "create"}
    new_topics = [
        NewTopic(
            topic.name,
            getattr(settings, topic.partitions),
            replicas,
            topic_configs=topic.configs(replicas),
        )
        for topic in TOPICS
        if topic.name in missing
    ]
    if not new_topics:
        return
    response = await admin.create_topics(new_topics)
    for _, code, *message in response.topic_errors:
        error = for_code(code)
        if code != 0 and error is not TopicAlreadyExistsError:  # another process creates them, too
            raise error(*message)


async def _set_configs(admin: AIOKafkaAdminClient, differences: Iterable[TopicDifference]) -> None:
    configs: dict[str, dict[str, str]] = defaultdict(dict)
    for one in differences:
        if one.remedy == "set":
            configs[one.topic][one.config] = one.value
    if not configs:
        return
    response = await admin._send_request(IncrementalAlterConfigsRequest(configs))
    for code, message, _, name in response.responses:
        if code != 0:
            raise for_code(code)(f"{name}: {message}")


def _render_remaining(differences: Sequence[TopicDifference]) -> str:
    remedies = [text for remedy, text in REMEDIES.items() if any(one.remedy == remedy for one in differences)]
    lines = ["topics in Kafka are not as this release needs them:", render_differences(differences)]
    return "\n  ".join(["\n".join(lines), *remedies])


def run(settings: Settings, *, check_only: bool) -> int:
    """Run `promo topics`, print what it found and did, and return the exit status: 1 if a difference remains."""
    done = asyncio.run(synchronize(settings, check_only=check_only))
    created = sum(one.remedy == "create" for one in done.changed)
    configs = [one for one in done.changed if one.remedy == "set"]
    print(f"topics: {len(TOPICS)}, {created} created, {len(configs)} configurations changed")
    if configs:
        print(f"changed:\n{render_differences(configs)}")
    for note in sorted({NOTES[one.config] for one in configs if one.is_dangerous and one.config in NOTES}):
        print(f"  {note}")
    if kept := [one for one in done.remaining if one.remedy == "keep"]:
        print(f"left, since it keeps more:\n{render_differences(kept)}")
    if wrong := [one for one in done.remaining if one.remedy != "keep"]:
        print(_render_remaining(wrong), file=sys.stderr)
        return 1
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with the settings of the environment; returns 2 for wrong settings, 1 for a failure."""
    parser = argparse.ArgumentParser(prog="python -m compose.kafka.topics", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="change nothing, and exit with 1 if a topic differs"
    )
    arguments = parser.parse_args(argv)
    try:
        return run(environment.read(), check_only=arguments.check)
    except environment.SettingError as error:
        print(error, file=sys.stderr)
        return 2
    except (StackError, OSError) as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
