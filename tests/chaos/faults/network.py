"""One more member whose only way to the broker, or to Redis, is cut or slow."""

import asyncio
from typing import ClassVar

from compose.ports import LOOPBACK
from tests.chaos.faults.fault import Fault
from tests.chaos.proxy import Proxy

DELAY_SECONDS = 0.5
#: Until a member that could be reached again has had time to do wrong.
AFTERMATH = 3.0


class BadLink(Fault):
    """A member joins by way of a proxy; once it works, the proxy does harm."""

    role: ClassVar[str]

    @property
    def link(self) -> Proxy:
        return self.world.broker_link if self.role == "streams" else self.world.redis_link

    def harm(self) -> None:
        """Make the link bad."""
        raise NotImplementedError

    async def strike(self) -> None:
        through = f"{LOOPBACK}:{self.link.port}"
        settings = {
            "streams": {"PROMO_KAFKA_BOOTSTRAP_SERVERS": through},
            "egress": {"PROMO_REDIS_URL": f"redis://{through}/0"},
        }
        member = self.world.extra(self.role, **settings[self.role])
        self.undo.push_async_callback(member.stop)
        await member.ready()
        self.undo.push_async_callback(asyncio.sleep, AFTERMATH)
        self.undo.callback(self.link.mend)
        self.harm()


class Cut(BadLink):
    """Nothing comes through, for longer than the session timeout of 6 s."""

    seconds = (5.0, 9.0)

    def harm(self) -> None:
        self.link.cut()


class Slow(BadLink):
    """Every answer takes half a second longer."""

    seconds = (5.0, 8.0)

    def harm(self) -> None:
        self.link.delay = DELAY_SECONDS


class WorkerCutOff(Cut):
    name = "worker cut off from the broker"
    role = "streams"


class WorkerSlow(Slow):
    name = "worker half a second from the broker"
    role = "streams"


class EgressCutOff(Cut):
    name = "egress cut off from redis"
    role = "egress"


class EgressSlow(Slow):
    name = "egress half a second from redis"
    role = "egress"


FAULTS = (WorkerCutOff, WorkerSlow, EgressCutOff, EgressSlow)
