"""The commands of all buckets in Kafka: written by an idempotent producer, since gaps there are an alarm."""

import asyncio
from collections.abc import Iterable

from egress.fact_log import Record
from egress.kafka_writer import KafkaWriter
from schemas.topics import ORDER_COMMANDS


class KafkaSink(KafkaWriter):
    """Writes to `order.commands`."""

    async def write(self, records: Iterable[Record]) -> None:
        """Write the records as they are, those without a value aside; raises KafkaError."""
        sent = [
            await self._producer.send(
                ORDER_COMMANDS.name, record.value, key=record.key, headers=list(record.headers)
            )
            for record in records
            if record.value is not None
        ]
        await asyncio.gather(*sent)
