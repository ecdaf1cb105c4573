"""A worker that kills itself at a named point of a transaction (PROMO_FAILPOINT)."""

from typing import ClassVar

from tests.chaos.faults.fault import Fault

#: Seconds until one more worker has joined and passed the point so many times.
DEATH_SECONDS = 45.0


class KilledAtPoint(Fault):
    """One more worker joins, and dies there; now and then it comes back under its name, as a supervisor would do."""

    point: ClassVar[str]

    async def strike(self) -> None:
        where = f"{self.point}:{self.dice.randint(5, 40)}"
        doomed = self.world.extra("streams", PROMO_FAILPOINT=where)
        await doomed.killed(DEATH_SECONDS)
        if self.dice.random() < 0.5:
            successor = self.world.extra("streams", again=doomed)
            self.undo.push_async_callback(successor.stop)
            await successor.ready()


class KilledBeforeBegin(KilledAtPoint):
    name = "worker killed before begin"
    point = "before-begin"


class KilledAfterProduce(KilledAtPoint):
    name = "worker killed after produce"
    point = "after-produce"


class KilledAfterCommit(KilledAtPoint):
    name = "worker killed after commit"
    point = "after-commit"


class KilledAfterApply(KilledAtPoint):
    name = "worker killed after apply"
    point = "after-apply"


class KilledAfterAcknowledge(KilledAtPoint):
    name = "worker killed after acknowledge"
    point = "after-acknowledge"


FAULTS = (
    KilledBeforeBegin,
    KilledAfterProduce,
    KilledAfterCommit,
    KilledAfterApply,
    KilledAfterAcknowledge,
)
