"""`promo position accept`: let a partition continue whose source and changelog were restored."""

import argparse
import asyncio
import sys
from collections.abc import Sequence

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from schemas import settings
from schemas.consumer_groups import DECISIONS
from schemas.runtime.topic_preflight import TopicsDifferError, check_topics
from schemas.settings import SettingError, Settings
from schemas.topics import CLOCK_ACCEPTANCES, ORDER_COMMANDS, STATE_CHANGELOG
from streams.exactly_once.kafka_log import KafkaLog
from streams.exactly_once.ports import FencedError, LogIncompleteError
from streams.exactly_once.topic_ids import TOPIC_IDS_KEY, decode_topic_ids

HELP = """\
A stream worker stops a partition (`foreign-log`) if order.commands or order.state-changelog has another id than the one
that its state was made with: the topic was deleted and made again, or restored.

Accept that only if both topics were restored from one backup, with their offsets. Anything else skips orders that were
acknowledged, or sells portions twice. The partition continues within seconds; a position past the end of order.commands
stops it all the same."""


class SameTopicsError(Exception):
    """The topics of the partition are those of its state."""


def main(argv: Sequence[str], program: str = "promo") -> int:
    """Run `position accept`; return the exit status."""
    parser = argparse.ArgumentParser(prog=program)
    position = parser.add_subparsers(required=True).add_parser(
        "position", description=HELP, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    actions = position.add_subparsers(dest="action", required=True, metavar="action")
    accept = actions.add_parser("accept", help="continue a partition on topics that were restored")
    accept.add_argument("partition", type=int)
    arguments = parser.parse_args(argv)
    try:
        print(asyncio.run(accept_topics(settings.read(), arguments.partition)))
    except FencedError:
        print(f"{program} position: a worker has taken the partition over; run it again", file=sys.stderr)
        return 1
    except (SameTopicsError, LogIncompleteError, KafkaError) as error:
        print(f"{program} position: {error}", file=sys.stderr)
        return 1
    except (SettingError, TopicsDifferError) as error:
        print(f"{program} position: {error}", file=sys.stderr)
        return 2
    return 0


async def accept_topics(read: Settings, partition: int) -> str:
    """Store the ids that the topics have now with the state of a partition, and return what was accepted.

    Raises SameTopicsError, LogIncompleteError, FencedError, TopicsDifferError, KafkaError.
    """
    await check_topics(read, [ORDER_COMMANDS, STATE_CHANGELOG])
    if not 0 <= partition < read.partitions:
        raise SameTopicsError(f"there is no partition {partition} of {ORDER_COMMANDS.name}")
    log = KafkaLog(
        read.kafka,
        DECISIONS.name,
        TopicPartition(ORDER_COMMANDS.name, partition),
        STATE_CHANGELOG.name,
        CLOCK_ACCEPTANCES.name,
        read.transaction_timeout_seconds,
    )
    raw = None
    async for changes, _ in log.replay(0):
        raw = changes.get(TOPIC_IDS_KEY, raw)
    topic_ids = await log.topic_ids()
    difference = decode_topic_ids(raw).differs_from(topic_ids)
    if not difference:
        raise SameTopicsError(f"partition {partition}: nothing to accept")
    try:
        await log.fence()  # late: a stopped worker fences every few seconds
        await log.begin()
        await log.produce([], {TOPIC_IDS_KEY: topic_ids.encode()})
        await log.commit()
    finally:
        await log.close()
    return f"accepted for partition {partition}: {difference}"
