"""Whoever writes to the commands what is no command: one record in a hundred."""

import asyncio
import random

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from tests.chaos.shop import RESTAURANTS

TOPIC = "order.commands"
#: What the checker knows its records by.
MARK = ("poison", b"1")
GARBAGE = [b"{", b"", None, b"\xff\xfe", b"[]", b'{"type":"nope"}', b'{"type":"place-order"}', b"null"]


class Vandal:
    """Writes garbage at a rate."""

    def __init__(self, bootstrap: str, seed: int, rate: float) -> None:
        self.written = 0
        self._bootstrap = bootstrap
        self._rng = random.Random(f"{seed}/vandal")
        self._rate = rate

    async def rage(self) -> None:
        """Write until cancelled; what was written is counted in the log, since a failed write may be there."""
        while True:
            producer = AIOKafkaProducer(bootstrap_servers=self._bootstrap, enable_idempotence=True)
            try:
                await producer.start()
                while True:
                    await asyncio.sleep(self._rng.expovariate(self._rate))
                    key = self._rng.choice(RESTAURANTS).encode()
                    await producer.send_and_wait(TOPIC, self._rng.choice(GARBAGE), key=key, headers=[MARK])
                    self.written += 1
            except (KafkaError, OSError):
                await asyncio.sleep(0.5)
            finally:
                await _stop(producer)


async def _stop(producer: AIOKafkaProducer) -> None:
    try:
        await asyncio.wait_for(producer.stop(), 2.0)
    except (KafkaError, OSError, TimeoutError):
        return
