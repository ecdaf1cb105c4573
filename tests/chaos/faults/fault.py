"""One kind of fault, and one injection of it."""

import os
import random
import signal
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

from msgspec import Struct

from compose.supervisor.stack_state import RunningProcess
from tests.chaos.stack_under_test import StackUnderTest


class Injection:
    """The target of a fault, its random choices, and the callbacks that undo it."""

    def __init__(self, target: StackUnderTest, rng: random.Random) -> None:
        self.target = target
        self.rng = rng
        self.undo = AsyncExitStack()

    async def choose(self, role: str) -> RunningProcess:
        """Return one of the role's supervised processes."""
        await self.target.wait_until(lambda: bool(self.target.running(role)), f"there is no {role}")
        return self.rng.choice(sorted(self.target.running(role), key=lambda p: p.name))


Inject = Callable[[Injection], Awaitable[None]]


class Fault(Struct, frozen=True):
    """`inject` does the damage, which lasts for a number of seconds between the two of `seconds`; then it is undone."""

    name: str
    inject: Inject
    seconds: tuple[float, float] = (0.0, 0.0)
    alone: bool = False  # no other fault at the same time, because it affects one process after another


def send_signal(process: RunningProcess, number: signal.Signals) -> None:
    """Signal a process; it may have ended in the meantime."""
    try:
        os.kill(process.pid, number)
    except ProcessLookupError:
        return
