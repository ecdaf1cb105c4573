"""Injects one fault after another, sometimes two at once, undoes each, and waits for recovery in between."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

from msgspec import Struct

from tests.chaos import plan
from tests.chaos.faults import FAULTS
from tests.chaos.faults.fault import Injection
from tests.chaos.stack_under_test import RECOVERY_TIMEOUT_SECONDS, StackUnderTest
from tests.checker.observations import Recovery

#: Seconds between a recovery and the next fault, at least and at most.
PAUSE_SECONDS = (1.0, 3.0)
#: Seconds between two faults that overlap.
OVERLAP_DELAY_SECONDS = 1.5


class InjectedFault(Struct):
    """One injection of a fault. Times are those of time.time()."""

    number: int
    name: str
    began_at: float
    healed_at: float = 0.0
    recovered_at: float = 0.0
    error: str | None = None  # why it could not be injected as planned

    @property
    def recovery_seconds(self) -> float | None:
        """Seconds from undoing the fault to recovery; None without a recovery."""
        return self.recovered_at - self.healed_at if self.recovered_at and not self.error else None


class FaultInjector:
    """Injects the faults that the plan of a seed names."""

    def __init__(
        self,
        target: StackUnderTest,
        seed: int,
        kinds: Sequence[str],
        is_serving: Callable[[], Awaitable[bool]],
    ) -> None:
        self.injected: list[InjectedFault] = []
        self._target = target
        self._seed = seed
        self._kinds = kinds
        self._is_serving = is_serving

    def recoveries(self) -> list[Recovery]:
        """Return the recoveries for the checker."""
        return [
            Recovery(f"{f.name}{f': {f.error}' if f.error else ''}", f.recovery_seconds)
            for f in self.injected
        ]

    async def run(self, seconds: float) -> None:
        """Inject faults for this long."""
        end = time.monotonic() + seconds
        alone = {name for name in self._kinds if FAULTS[name].alone}
        for turn in plan.turns(self._seed, self._kinds, alone):
            if time.monotonic() >= end:
                return
            injected = await asyncio.gather(
                *(self._inject(name, OVERLAP_DELAY_SECONDS * i) for i, name in enumerate(turn))
            )
            recovered_at = await self._wait_for_recovery()
            for one in injected:
                one.recovered_at = recovered_at
            await asyncio.sleep(plan.fault_rng(self._seed, len(self.injected)).uniform(*PAUSE_SECONDS))

    async def _inject(self, name: str, delay: float) -> InjectedFault:
        injected = InjectedFault(len(self.injected), name, time.time())
        self.injected.append(injected)
        await asyncio.sleep(delay)
        injected.began_at = time.time()
        fault, rng = FAULTS[name], plan.fault_rng(self._seed, injected.number)
        seconds = rng.uniform(*fault.seconds)
        injection = Injection(self._target, rng)
        try:
            async with injection.undo:
                await fault.inject(injection)
                await asyncio.sleep(seconds)
        except (RuntimeError, OSError) as error:
            injected.error = repr(error)
        injected.healed_at = time.time()
        return injected

    async def _wait_for_recovery(self) -> float:
        """Return when the stack had recovered; 0.0 if it did not."""
        try:
            async with asyncio.timeout(RECOVERY_TIMEOUT_SECONDS):
                await self._target.wait_until_recovered()
                while not await self._is_serving():
                    await asyncio.sleep(0.2)
        except TimeoutError:
            return 0.0
        return time.time()
