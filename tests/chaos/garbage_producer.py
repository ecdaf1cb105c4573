"""A producer of undecodable commands: one record in a hundred."""

import asyncio
import random

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from schemas.runtime.kafka_shutdown import close_quietly
from tests.chaos.restaurants import RESTAURANTS

TOPIC = "order.commands"
#: The header by which the checker recognises these records.
MARK = ("poison", b"1")
GARBAGE = [b"{", b"", None, b"\xff\xfe", b"[]", b'{"type":"nope"}', b'{"type":"place-order"}', b"null"]


class GarbageProducer:
    """Produces garbage at a mean rate, in records a second."""

    def __init__(self, bootstrap: str, seed: int, rate: float) -> None:
        self._bootstrap = bootstrap
        self._rng = random.Random(f"{seed}/garbage")
        self._rate = rate

    async def run(self) -> None:
        """Produce until cancelled. The checker counts the records in the topic, since a failed send may be there."""
        while True:
            producer = AIOKafkaProducer(bootstrap_servers=self._bootstrap, enable_idempotence=True)
            try:
                await producer.start()
                while True:
                    await asyncio.sleep(self._rng.expovariate(self._rate))
                    key = self._rng.choice(RESTAURANTS).encode()
                    await producer.send_and_wait(TOPIC, self._rng.choice(GARBAGE), key=key, headers=[MARK])
            except (KafkaError, OSError):
                await asyncio.sleep(0.5)
            finally:
                await close_quietly(producer.stop())
