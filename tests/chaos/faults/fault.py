"""What a fault is."""

import os
import random
import signal
from contextlib import AsyncExitStack
from typing import ClassVar

from compose.supervisor.stack_state import RunningProcess
from tests.chaos.world import World


class Fault:
    """Strikes, lasts for `seconds`, is healed. What it hits is chosen by its dice."""

    name: ClassVar[str]
    seconds: ClassVar[tuple[float, float]] = (0.0, 0.0)  # how long it lasts, between these
    alone: ClassVar[bool] = False  # it goes through the processes one by one; nothing else at the same time

    def __init__(self, world: World, dice: random.Random) -> None:
        self.world = world
        self.dice = dice
        self.lasts = dice.uniform(*self.seconds)
        self.undo = AsyncExitStack()  # what is to be done to heal it, put there as harm is done

    async def strike(self) -> None:
        """Do harm."""
        raise NotImplementedError

    async def heal(self) -> None:
        """Undo what the product cannot undo by itself."""
        await self.undo.aclose()

    async def victim(self, role: str) -> RunningProcess:
        """Return one of the role's supervised processes."""
        await self.world.until(lambda: bool(self.world.running(role)), f"there is no {role}")
        return self.dice.choice(sorted(self.world.running(role), key=lambda p: p.name))


def send(process: RunningProcess, number: signal.Signals) -> None:
    """Signal a process; it may have ended meanwhile."""
    try:
        os.kill(process.pid, number)
    except ProcessLookupError:
        return
