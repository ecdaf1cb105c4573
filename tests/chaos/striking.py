"""One fault after the other, some two at once, each healed, and time to come back in between."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

from msgspec import Struct

from tests.chaos import plan
from tests.chaos.faults import FAULTS
from tests.chaos.world import PATIENCE, World
from tests.checker.observations import Recovery

#: Seconds between a recovery and the next fault, and between two faults that overlap.
PAUSE = (1.0, 3.0)
APART = 1.5


class Struck(Struct):
    """One fault that struck, and when. Times are of time.time()."""

    number: int
    name: str
    began_at: float
    healed_at: float = 0.0
    recovered_at: float = 0.0
    error: str | None = None  # why it could not be done as planned

    @property
    def seconds(self) -> float | None:
        """From the healing until all worked again; None: it did not."""
        return self.recovered_at - self.healed_at if self.recovered_at and not self.error else None


class Striking:
    """Strikes by the plan of a seed."""

    def __init__(
        self, world: World, seed: int, kinds: Sequence[str], served: Callable[[], Awaitable[bool]]
    ) -> None:
        self.struck: list[Struck] = []
        self._world = world
        self._seed = seed
        self._kinds = kinds
        self._served = served

    def counts(self) -> Counter[str]:
        """Return how often each kind struck."""
        return Counter(struck.name for struck in self.struck if not struck.error)

    def recoveries(self) -> list[Recovery]:
        """Return what the checker is to know of it."""
        return [Recovery(f"{s.name}{f': {s.error}' if s.error else ''}", s.seconds) for s in self.struck]

    async def go_on(self, seconds: float) -> None:
        """Strike until the time is over."""
        end = time.monotonic() + seconds
        alone = {name for name in self._kinds if FAULTS[name].alone}
        for turn in plan.turns(self._seed, self._kinds, alone):
            if time.monotonic() >= end:
                return
            struck = await asyncio.gather(*(self._one(name, APART * i) for i, name in enumerate(turn)))
            recovered = await self._recovered()
            for one in struck:
                one.recovered_at = recovered
            await asyncio.sleep(plan.chance(self._seed, len(self.struck)).uniform(*PAUSE))

    async def _one(self, name: str, delay: float) -> Struck:
        struck = Struck(len(self.struck), name, time.time())
        self.struck.append(struck)
        await asyncio.sleep(delay)
        struck.began_at = time.time()
        fault = FAULTS[name](self._world, plan.chance(self._seed, struck.number))
        try:
            try:
                await fault.strike()
                await asyncio.sleep(fault.lasts)
            finally:
                await fault.heal()
        except (RuntimeError, OSError) as error:
            struck.error = repr(error)
        struck.healed_at = time.time()
        return struck

    async def _recovered(self) -> float:
        try:
            async with asyncio.timeout(PATIENCE):
                await self._world.recovered()
                while not await self._served():
                    await asyncio.sleep(0.2)
        except TimeoutError:
            return 0.0
        return time.time()
