"""Send commands to the stream workers as ingress does, wait for the replies, and retry with the same key."""

import asyncio
import itertools
import uuid

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from schemas import codec
from schemas.codec import ReplyAddress
from schemas.commands import Command, PutMenuItem, PutRestaurant
from schemas.money import Money
from schemas.replies import Reply
from schemas.topics import ORDER_COMMANDS, ORDER_REPLIES
from tests.support.domain.harness import place

#: The partition for replies to these tests; ingress processes of other tests use the first ones.
PARTITION = 15


class CommandSender:
    """Sends commands and waits for replies, within a limit and with retries."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._pending: dict[bytes, asyncio.Future[Reply]] = {}
        self._numbers = itertools.count()

    async def __aenter__(self) -> "CommandSender":
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap, acks="all", enable_idempotence=True
        )
        await self._producer.start()
        self._consumer = AIOKafkaConsumer(bootstrap_servers=self._bootstrap, isolation_level="read_committed")
        await self._consumer.start()
        self._consumer.assign([TopicPartition(ORDER_REPLIES.name, PARTITION)])
        await self._consumer.seek_to_end()
        await self._consumer.position(TopicPartition(ORDER_REPLIES.name, PARTITION))
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._reader.cancel()
        await self._producer.stop()
        await self._consumer.stop()

    async def _read(self) -> None:
        async for record in self._consumer:
            future = self._pending.pop(codec.header(record.headers, "correlation-id"), None)
            if future and not future.done():
                future.set_result(codec.decode_reply(record.value))

    async def send(self, restaurant: str, value: bytes, headers: codec.Headers) -> None:
        await self._producer.send_and_wait(
            ORDER_COMMANDS.name, value, key=restaurant.encode(), headers=headers
        )

    async def send_and_wait(self, command: Command, attempts: int = 20, timeout: float = 3.0) -> Reply:
        """Send the command until there is a reply, and return it."""
        for _ in range(attempts):
            correlation_id = b"%d-%s" % (next(self._numbers), uuid.uuid4().hex.encode())
            future = self._pending[correlation_id] = asyncio.get_running_loop().create_future()
            headers = codec.headers(
                type(command), uuid.uuid4().hex, codec.NO_TRACE, ReplyAddress(PARTITION, correlation_id)
            )
            await self.send(command.restaurant_id, codec.encode(command), headers)
            try:
                return await asyncio.wait_for(future, timeout)
            except TimeoutError:
                continue
        raise AssertionError("no reply")

    async def open(self, portions: int | None, *skus: str) -> str:
        """Create a restaurant with these items; return its id."""
        restaurant = f"r-{uuid.uuid4().hex[:10]}"
        await self.send_and_wait(PutRestaurant(restaurant, "Cantina", 10, 1800))
        for sku in skus:
            await self.send_and_wait(PutMenuItem(restaurant, sku, sku, "", "geral", Money(1000), portions))
        return restaurant

    async def place(self, restaurant: str, key: str, *lines: tuple[str, int]) -> Reply:
        return await self.send_and_wait(place(key, *lines, restaurant=restaurant))
