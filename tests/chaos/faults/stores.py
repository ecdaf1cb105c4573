"""A worker's local store is damaged while the worker is down."""

import asyncio
import shutil
import signal
from pathlib import Path

from compose import subprocesses
from compose.supervisor.stack_state import RunningProcess
from tests.chaos.faults.fault import Fault, send

#: Between the copy and its return, in seconds: what is decided meanwhile is missing from it.
GROWING_SECONDS = 3.0


class StoreFault(Fault):
    """The supervisor starts the worker again at once, but Python takes longer to start than the damage to be done."""

    async def down(self, victim: RunningProcess) -> Path:
        """kill -9; returns the folder of its stores."""
        send(victim, signal.SIGKILL)
        while subprocesses.is_alive(victim.pid):
            await asyncio.sleep(0.002)
        return self.world.state_of(victim.name)


class StoreDeleted(StoreFault):
    name = "local store deleted"

    async def strike(self) -> None:
        shutil.rmtree(await self.down(await self.victim("streams")), ignore_errors=True)


class StoreTruncated(StoreFault):
    """Half of each file of one kind is missing: the latest writes, the tables, or the list of them."""

    name = "local store truncated"

    async def strike(self) -> None:
        kind = self.dice.choice(["*.log", "*.sst", "MANIFEST-*"])
        for file in (await self.down(await self.victim("streams"))).rglob(kind):
            with file.open("r+b") as opened:
                opened.truncate(file.stat().st_size // 2)


class StoreRestored(StoreFault):
    """An old copy is put in its place."""

    name = "local store restored from an old copy"
    alone = True

    async def strike(self) -> None:
        copy = self.world.folder / "old-store"
        shutil.rmtree(copy, ignore_errors=True)
        victim = await self.victim("streams")
        shutil.copytree(await self.down(victim), copy)
        await self.world.recovered()
        await asyncio.sleep(GROWING_SECONDS)
        again = next(p for p in self.world.running("streams") if p.name == victim.name)
        store = await self.down(again)
        shutil.rmtree(store)
        shutil.move(copy, store)


FAULTS = (StoreDeleted, StoreTruncated, StoreRestored)
