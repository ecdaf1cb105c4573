"""Faults of records: a command that Kafka takes, and whose fact it does not."""

from aiokafka import AIOKafkaProducer

from schemas import codec
from schemas.commands import PutMenuItem
from schemas.money import Money
from schemas.topics import ORDER_COMMANDS, max_record_bytes
from tests.chaos.faults.fault import Injection
from tests.chaos.garbage_producer import MARK
from tests.chaos.restaurants import RESTAURANTS

#: What the command has besides its description, less than what its fact has.
OVERHEAD_BYTES = 900


async def send_too_large(injection: Injection) -> None:
    """Write one; it must become a dead letter, and its neighbours must be decided."""
    restaurant = injection.rng.choice(RESTAURANTS)
    description = "x" * (max_record_bytes(ORDER_COMMANDS.name) - OVERHEAD_BYTES)
    command = PutMenuItem(restaurant, "too-large", "too large", description, "", Money(1000), 1)
    headers = [*codec.headers(PutMenuItem, "too-large", codec.NO_TRACE), MARK]
    producer = AIOKafkaProducer(
        bootstrap_servers=injection.target.stack.bootstrap,
        enable_idempotence=True,
        max_request_size=2 * len(description),
    )
    await producer.start()
    try:
        await producer.send_and_wait(
            ORDER_COMMANDS.name, codec.encode(command), restaurant.encode(), headers=headers
        )
    finally:
        await producer.stop()
