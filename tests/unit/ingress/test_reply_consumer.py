"""The consumer of replies, with a fake Kafka client."""

import asyncio

import pytest
from aiokafka.errors import KafkaConnectionError

from ingress.commands import reply_consumer
from ingress.commands.reply_consumer import ReplyConsumer
from schemas.kafka_connection import KafkaConnection
from tests.support.virtual_clock import in_virtual_time


class LostConnection:
    """A client whose first poll fails, and which takes a second to close."""

    def __init__(self, states: list[bool]) -> None:
        self.replies: ReplyConsumer | None = None
        self._states = states

    async def start(self) -> None: ...

    def assign(self, partitions: object) -> None: ...

    def seek(self, partition: object, offset: int) -> None: ...

    async def end_offsets(self, partitions: list[object]) -> dict[object, int]:
        return dict.fromkeys(partitions, 7)

    async def getmany(self, timeout_ms: int) -> dict[object, list[object]]:
        self._states.append(self.replies.reading.is_set())
        raise KafkaConnectionError("the broker is away")

    async def stop(self) -> None:
        self._states.append(self.replies.reading.is_set())
        await asyncio.sleep(1)


@in_virtual_time
async def test_replies_count_as_unread_before_the_consumer_is_closed() -> None:
    """Closing may take seconds; in them a balancer must not send orders whose replies no consumer reads."""
    states: list[bool] = []
    client = LostConnection(states)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reply_consumer, "make_consumer", lambda *arguments, **options: client)
        client.replies = ReplyConsumer(KafkaConnection("127.0.0.1:1"), 0, lambda correlation_id, reply: None)
        running = asyncio.ensure_future(client.replies.run())
        await asyncio.sleep(0.5)
        running.cancel()
        await asyncio.wait([running])
    assert states[:2] == [True, False]
