"""The outbox in Kafka."""

import asyncio
from collections.abc import Sequence

from egress.kafka_writer import KafkaWriter
from egress.notifying.outbox import Letter
from schemas import codec


class KafkaOutbox(KafkaWriter):
    """Writes letters to their topics."""

    async def send(self, letters: Sequence[Letter]) -> None:
        """Write all of them, in their order; they are durable when this returns. Raises KafkaError."""
        sent = [
            await self._producer.send(
                topic,
                codec.encode(message),
                key=message.restaurant_id.encode(),
                headers=codec.headers(type(message), event_id, traceparent),
            )
            for topic, event_id, message, traceparent in letters
        ]
        await asyncio.gather(*sent)
