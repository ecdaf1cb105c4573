"""Dead letters on a real broker: made, and what became of them."""

import argparse
from typing import Any
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, TopicPartition

from egress.dead_letters import DeadLetter
from egress.dlq import commands
from egress.dlq.shelf import Place
from egress.fact_log import Record
from egress.fact_reading import UnreadableError
from egress.kafka_dead_letters import KafkaDeadLetters
from egress.positions import Partition
from schemas.settings import Settings

COMMANDS, CREATED = "order.commands", "order.created"
WHY = UnreadableError("told to be unreadable")


def a_letter(
    topic: str, value: bytes | None, key: bytes | None, offset: int, *headers: tuple[str, bytes]
) -> DeadLetter:
    return DeadLetter(Record(Partition(topic, 3), offset, value, key, headers, 0), "unreadable", WHY)


async def shelved(broker: str, *letters: DeadLetter) -> list[Place]:
    """Set letters aside, and return where they were."""
    await KafkaDeadLetters(broker).put(letters)
    return [Place(r.partition.topic, r.partition.number, r.offset) for r, _, _ in letters]


def fresh_offset() -> int:
    """An offset that no other test uses."""
    return uuid4().int % 10**15


async def written(broker: str, topic: str, key: bytes) -> list[Any]:
    """The records of a topic under this key, with their bytes."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=broker, isolation_level="read_committed", auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        tps = [TopicPartition(topic, number) for number in range(8)]
        consumer.assign(tps)
        ends, found = await consumer.end_offsets(tps), []
        while any([await consumer.position(tp) < ends[tp] for tp in tps]):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                found += [record for record in records if record.key == key]
        return found
    finally:
        await consumer.stop()


async def run(broker: str, *arguments: object) -> tuple[int, str]:
    """Do what the command line does, in this process; its code, and what it says."""
    parser = argparse.ArgumentParser()
    commands.add(parser.add_subparsers())
    read = parser.parse_args(["dlq", *map(str, arguments)])
    try:
        return 0, await commands.carry_out(Settings(kafka_bootstrap_servers=broker), read)
    except (commands.Refusal, OSError) as error:
        return 1, str(error)
