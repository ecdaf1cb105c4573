"""Members that come and go."""

import signal

from tests.chaos.faults.fault import Fault, send
from tests.chaos.world import SIZE


class Storm(Fault):
    """Workers and ingress processes are scaled up and down several times in a row."""

    name = "join and leave storm"
    alone = True

    async def strike(self) -> None:
        self.undo.push_async_callback(self.world.scale, **SIZE)
        for _ in range(self.dice.randint(3, 4)):
            await self.world.scale(streams=self.dice.randint(1, 5), ingress=self.dice.randint(1, 3))


class RollingRestart(Fault):
    """Every process of the product is ended in order, one after the other, as a new version is brought in."""

    name = "rolling restart"
    alone = True

    async def strike(self) -> None:
        for role in SIZE:
            for process in self.world.running(role):
                send(process, signal.SIGTERM)
                await self.world.ended(process)
                await self.world.recovered()


FAULTS = (Storm, RollingRestart)
