"""`promo clock`: show leaps of the commands' time, and accept one."""

import argparse
import asyncio
import sys
from collections.abc import Sequence

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from msgspec import Struct

from schemas import settings
from schemas.consumer_groups import DECISIONS
from schemas.kafka_connection import KafkaConnection
from schemas.runtime.kafka_clients import (
    CLI_REQUEST_TIMEOUT_MS,
    make_admin_client,
    make_consumer,
    make_producer,
)
from schemas.runtime.kafka_sessions import started
from schemas.settings import SettingError
from schemas.timestamps import EpochMs, to_text, wall_clock
from schemas.topics import CLOCK_ACCEPTANCES, ORDER_COMMANDS
from streams.exactly_once.clock_guard import LeapAcceptance, leaps

HELP = """\
A stream worker stops a partition at a command whose time lies more than a minute ahead of the command before and of its
own clock: decided at that time, reservations would expire, keys would end and promotions would close, for good.

- The broker's clock was wrong for a while: mend it, then `promo clock accept PARTITION --keep-time --reason "..."`. The
  commands so far are decided at the time of the command before the leap.
- The time is right, and the workers' clocks are behind: mend those; the partition goes on by itself.
- The time is right although nothing shows it: `promo clock accept PARTITION --reason "..."`.

An acceptance covers the commands that are in the partition when it is made. It is kept for 14 days."""
MAX_REASON_CHARACTERS = 500
#: Longest wait for a record that the partition has, in milliseconds.
READ_TIMEOUT_MS = 5_000


class NothingToAcceptError(Exception):
    """The next command of the partition does not leap, or there is none."""


class NextCommand(Struct, frozen=True):
    """The next command that a partition decides, and the end of the partition."""

    partition: int
    offset: int
    end_offset: int
    timestamp: EpochMs | None  # None: there is no next command
    previous: EpochMs  # of the command before it; 0: none

    def leaps(self, clock: EpochMs) -> bool:
        """Return True if its time is more than a minute ahead of `clock`.

        The command before it may have leapt, too, and have been decided at an earlier time, which its record does
        not show.
        """
        return self.timestamp is not None and leaps(self.timestamp, EpochMs(0), clock)


def main(argv: Sequence[str], program: str = "promo") -> int:
    """Run `clock show` or `clock accept`; return the exit status."""
    parser = argparse.ArgumentParser(prog=program)
    clock = parser.add_subparsers(required=True).add_parser(
        "clock", description=HELP, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    actions = clock.add_subparsers(dest="action", required=True, metavar="action")
    actions.add_parser("show", help="print the time of each partition's next command")
    accept = actions.add_parser("accept", help="let a partition go on that a leap of time has stopped")
    accept.add_argument("partition", type=int)
    accept.add_argument("--keep-time", action="store_true", help="decide at the time of the command before")
    accept.add_argument("--reason", type=_reason, required=True, help="why; kept with the acceptance")
    arguments = parser.parse_args(argv)
    try:
        print(asyncio.run(_execute(settings.read().kafka, arguments)))
    except (NothingToAcceptError, KafkaError, SettingError) as error:
        print(f"{program} clock: {error}", file=sys.stderr)
        return 2 if isinstance(error, SettingError) else 1
    return 0


async def _execute(connection: KafkaConnection, arguments: argparse.Namespace) -> str:
    consumer = make_consumer(connection, ORDER_COMMANDS.name, request_timeout_ms=CLI_REQUEST_TIMEOUT_MS)
    async with started(consumer):
        if arguments.action == "show":
            partitions = consumer.partitions_for_topic(ORDER_COMMANDS.name) or ()
            found = [await read_next(connection, consumer, partition) for partition in sorted(partitions)]
            return "\n".join(_render(one) for one in found)
        one = await read_next(connection, consumer, arguments.partition)
        if not one.leaps(wall_clock()):
            raise NothingToAcceptError(f"{_render(one)}: nothing to accept")
        acceptance = LeapAcceptance(one.offset, one.end_offset, arguments.keep_time, arguments.reason)
        await accept_leap(connection, one.partition, acceptance)
        at = "at the time before the leap" if arguments.keep_time else "at their own time"
        return f"accepted: commands {one.offset} to {one.end_offset - 1} of partition {one.partition}, {at}"


async def accept_leap(connection: KafkaConnection, partition: int, acceptance: LeapAcceptance) -> None:
    """Write an acceptance; raises KafkaError."""
    producer = make_producer(connection, request_timeout_ms=CLI_REQUEST_TIMEOUT_MS)
    async with started(producer):
        await producer.send_and_wait(
            CLOCK_ACCEPTANCES.name, msgspec.json.encode(acceptance), partition=partition
        )


async def read_next(connection: KafkaConnection, consumer: AIOKafkaConsumer, partition: int) -> NextCommand:
    """Return the next command of a partition, by the offset that its worker commits each second."""
    tp = TopicPartition(ORDER_COMMANDS.name, partition)
    if partition not in (consumer.partitions_for_topic(tp.topic) or ()):
        raise NothingToAcceptError(f"there is no partition {partition} of {tp.topic}")
    admin = make_admin_client(connection)
    await admin.start()
    try:
        committed = (await admin.list_consumer_group_offsets(DECISIONS.name)).get(tp)
    finally:
        await admin.close()
    offset = committed.offset if committed else 0
    end = (await consumer.end_offsets([tp]))[tp]
    timestamp = await _timestamp(consumer, tp, offset) if offset < end else None
    previous = await _timestamp(consumer, tp, offset - 1) if offset else None
    return NextCommand(partition, offset, end, timestamp, previous or EpochMs(0))


async def _timestamp(consumer: AIOKafkaConsumer, tp: TopicPartition, offset: int) -> EpochMs | None:
    consumer.seek(tp, offset)
    records = await consumer.getmany(tp, timeout_ms=READ_TIMEOUT_MS, max_records=1)
    return next((EpochMs(r.timestamp) for batch in records.values() for r in batch), None)


def _render(one: NextCommand) -> str:
    if one.timestamp is None:
        return f"partition {one.partition}: no command waits"
    word = ", LEAPS" if one.leaps(wall_clock()) else ""
    return (
        f"partition {one.partition}: the next command, {one.offset}, is of {to_text(one.timestamp)}, "
        f"the one before of {to_text(one.previous)}{word}"
    )


def _reason(text: str) -> str:
    if not (reason := text.strip()) or len(reason) > MAX_REASON_CHARACTERS:
        raise argparse.ArgumentTypeError(f"must have 1 to {MAX_REASON_CHARACTERS} characters")
    return reason
