"""A Kafka client is closed at the end of its block, whatever happens in it."""

import asyncio

import pytest
from aiokafka.errors import KafkaConnectionError

from schemas.runtime.kafka_sessions import started


class FakeClient:
    """A client that may fail to start or to stop."""

    def __init__(self, *failing: str) -> None:
        self.failing = failing
        self.calls: list[str] = []

    async def start(self) -> None:
        self._call("start")

    async def stop(self) -> None:
        self._call("stop")

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if name in self.failing:
            raise KafkaConnectionError(name)


async def test_client_is_open_for_the_block() -> None:
    client = FakeClient("stop")
    async with started(client) as same:
        assert same is client and client.calls == ["start"]
    assert client.calls == ["start", "stop"]


async def test_client_that_cannot_start_is_closed() -> None:
    """aiokafka leaves connections and tasks behind otherwise."""
    client = FakeClient("start")
    with pytest.raises(KafkaConnectionError, match="start"):
        async with started(client):
            pass
    assert client.calls == ["start", "stop"]


@pytest.mark.parametrize("error", [asyncio.CancelledError(), ValueError("in the block")])
async def test_error_of_the_block_is_raised(error: BaseException) -> None:
    """A failure to stop does not hide it."""
    client = FakeClient("stop")
    with pytest.raises(type(error)):
        async with started(client):
            raise error
    assert client.calls == ["start", "stop"]
