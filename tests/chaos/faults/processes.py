"""Processes of the product that are killed, ended or frozen; the supervisor starts them again."""

import signal
from typing import ClassVar

from tests.chaos.faults.fault import Fault, send


class Killed(Fault):
    """kill -9 of one process."""

    role: ClassVar[str]

    async def strike(self) -> None:
        victim = await self.victim(self.role)
        send(victim, signal.SIGKILL)
        await self.world.ended(victim)


class WorkerKilled(Killed):
    name = "worker killed"
    role = "streams"


class IngressKilled(Killed):
    name = "ingress killed"
    role = "ingress"


class EgressKilled(Killed):
    name = "egress killed"
    role = "egress"


class ProviderKilled(Killed):
    """It forgets how badly it was to behave, and behaves well."""

    name = "provider killed"
    role = "payments"


class EveryWorkerKilled(Fault):
    """kill -9 of all stream workers at once."""

    name = "every worker killed"

    async def strike(self) -> None:
        victims = self.world.running("streams")
        for victim in victims:
            send(victim, signal.SIGKILL)
        for victim in victims:
            await self.world.ended(victim)


class Terminated(Fault):
    """SIGTERM: it ends in order."""

    role: ClassVar[str]

    async def strike(self) -> None:
        victim = await self.victim(self.role)
        send(victim, signal.SIGTERM)
        await self.world.ended(victim)


class WorkerTerminated(Terminated):
    name = "worker terminated"
    role = "streams"


class IngressTerminated(Terminated):
    name = "ingress terminated"
    role = "ingress"


class EgressTerminated(Terminated):
    name = "egress terminated"
    role = "egress"


class WorkerFrozen(Fault):
    """SIGSTOP beyond the session timeout of 6 s: others take over, and then it wakes."""

    name = "worker frozen"
    seconds = (7.5, 10.0)

    async def strike(self) -> None:
        victim = await self.victim("streams")
        self.undo.callback(send, victim, signal.SIGCONT)
        send(victim, signal.SIGSTOP)


FAULTS = (
    ProviderKilled,
    WorkerKilled,
    IngressKilled,
    EgressKilled,
    EveryWorkerKilled,
    WorkerTerminated,
    IngressTerminated,
    EgressTerminated,
    WorkerFrozen,
)
