"""A worker whose clock is a minute off."""

from pathlib import Path

from tests.chaos.faults.fault import Fault

INJECTED = Path(__file__).parents[1] / "injected"
SHIFT_SECONDS = 60


class ClockOff(Fault):
    """One more worker, a minute ahead or behind."""

    name = "clock a minute off"
    seconds = (4.0, 7.0)

    async def strike(self) -> None:
        shift = self.dice.choice([SHIFT_SECONDS, -SHIFT_SECONDS])
        member = self.world.extra("streams", PYTHONPATH=str(INJECTED), CHAOS_CLOCK_SHIFT=str(shift))
        self.undo.push_async_callback(member.stop)
        await member.ready()


FAULTS = (ClockOff,)
