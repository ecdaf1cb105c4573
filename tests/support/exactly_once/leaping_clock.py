"""A broker whose clock is a day ahead for one record."""

import time

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from schemas import codec
from schemas.commands import Tick
from schemas.topics import DAY_MS, ORDER_COMMANDS

#: Topic settings by which a client can say the time of a record, which no client of the product can.
CLIENT_TIME = {"message.timestamp.type": "CreateTime", "message.timestamp.after.max.ms": str(10 * DAY_MS)}


async def stamp_tomorrow(bootstrap: str, partition: int) -> None:
    """Append a tick with the time of tomorrow to a partition of the commands."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")
    await admin.start()
    await producer.start()
    own = ORDER_COMMANDS.configs()
    try:
        await admin.alter_configs([_configs(own | CLIENT_TIME)])
        tomorrow = time.time_ns() // 1_000_000 + DAY_MS
        headers = codec.headers(Tick, f"leap-{tomorrow}", codec.NO_TRACE)
        await producer.send_and_wait(
            ORDER_COMMANDS.name,
            codec.encode(Tick()),
            b"",
            partition=partition,
            timestamp_ms=tomorrow,
            headers=headers,
        )
    finally:
        await admin.alter_configs([_configs(own)])
        await producer.stop()
        await admin.close()


def _configs(values: dict[str, str]) -> ConfigResource:
    return ConfigResource(ConfigResourceType.TOPIC, ORDER_COMMANDS.name, values)
