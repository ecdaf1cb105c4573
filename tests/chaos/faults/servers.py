"""The broker and Redis: killed, frozen, emptied."""

import signal
from typing import ClassVar

import redis.asyncio

from tests.chaos.faults.fault import Fault, send


class ServerKilled(Fault):
    """kill -9; the supervisor starts it again, Kafka with its data, Redis with none."""

    role: ClassVar[str]

    async def strike(self) -> None:
        victim = await self.victim(self.role)
        send(victim, signal.SIGKILL)
        await self.world.ended(victim)


class BrokerKilled(ServerKilled):
    name = "broker killed"
    role = "kafka"


class RedisKilled(ServerKilled):
    name = "redis killed"
    role = "redis"


class ServerFrozen(Fault):
    """SIGSTOP, and after a while SIGCONT."""

    role: ClassVar[str]

    async def strike(self) -> None:
        victim = await self.victim(self.role)
        self.undo.callback(send, victim, signal.SIGCONT)
        send(victim, signal.SIGSTOP)


class BrokerFrozen(ServerFrozen):
    name = "broker frozen"
    role = "kafka"
    seconds = (2.0, 8.0)


class RedisFrozen(ServerFrozen):
    name = "redis frozen"
    role = "redis"
    seconds = (3.0, 7.0)


class ProviderFrozen(ServerFrozen):
    name = "provider frozen"
    role = "payments"
    seconds = (3.0, 15.0)


class RedisFlushed(Fault):
    """FLUSHALL: the views are gone, with their positions."""

    name = "redis flushed"

    async def strike(self) -> None:
        async with redis.asyncio.Redis(port=self.world.stack.redis_port) as client:
            await client.flushall()


FAULTS = (BrokerKilled, BrokerFrozen, RedisKilled, RedisFrozen, RedisFlushed, ProviderFrozen)
