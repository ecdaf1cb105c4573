"""Dead letters on a real broker: made, listed, and the command line that works on them."""

import argparse
from typing import Any
from uuid import uuid4

from aiokafka import TopicPartition

from egress.command_error import CommandError
from egress.dlq import cli
from egress.dlq.store import SourceOffset
from egress.kafka.dead_letters import DeadLetter, DeadLetterProducer
from egress.kafka.decoding import UnreadableError
from egress.kafka.records import Partition, Record
from schemas.kafka_connection import KafkaConnection
from schemas.runtime.kafka_clients import make_consumer
from schemas.runtime.kafka_sessions import read_to_end, started
from schemas.settings import Settings

COMMANDS, CREATED = "order.commands", "order.created"
ERROR = UnreadableError("a planned error")


def dead_letter(
    topic: str, value: bytes | None, key: bytes | None, offset: int, *headers: tuple[str, bytes]
) -> DeadLetter:
    """A dead letter of partition 3."""
    return DeadLetter(Record(Partition(topic, 3), offset, value, key, headers), "unreadable", ERROR)


async def put(connection: KafkaConnection, *letters: DeadLetter) -> list[SourceOffset]:
    """Write dead letters, and return where their records were."""
    await DeadLetterProducer(connection).put(letters)
    return [SourceOffset(r.partition.topic, r.partition.number, r.offset) for r, _, _ in letters]


def unused_offset() -> int:
    """An offset that no other test uses."""
    return uuid4().int % 10**15


async def records_of_key(connection: KafkaConnection, topic: str, key: bytes) -> list[Any]:
    """The records of a topic under this key, undecoded."""
    consumer = make_consumer(connection)
    async with started(consumer):
        consumer.assign([TopicPartition(topic, number) for number in range(8)])
        return [record async for record in read_to_end(consumer) if record.key == key]


async def run(connection: KafkaConnection, *arguments: object) -> tuple[int, str]:
    """Run `dlq` with these arguments in this process; return the exit code and the output."""
    parser = argparse.ArgumentParser()
    cli.add(parser.add_subparsers())
    parsed = parser.parse_args(["dlq", *map(str, arguments)])
    settings = Settings(kafka_bootstrap_servers=connection.bootstrap_servers)
    try:
        return 0, await cli.execute(settings, parsed)
    except (CommandError, OSError) as error:
        return 1, str(error)
