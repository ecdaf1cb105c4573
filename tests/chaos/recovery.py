"""python -m tests.chaos.recovery: how long after a kill -9 of one of three workers customers wait as before.

The workers are started here, beside the supervisor, so that the killed one stays away until it is over.
"""

import argparse
import asyncio
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import aiohttp
import msgspec
from msgspec import Struct

from tests.chaos.__main__ import FOLDER, started
from tests.chaos.customers import Wish
from tests.chaos.extra import Extra
from tests.chaos.shop import RESTAURANTS, UNLIMITED, Shop
from tests.chaos.statistics import quantile
from tests.chaos.world import client_session
from tests.checker.service import NOT_YET
from tests.e2e.stack import Stack

WORKERS = 3
RATE = 30.0
#: The service level: p95 over a sliding window of so many seconds.
LEVEL_SECONDS = 0.3
WINDOW_SECONDS = 2.0
STEP_SECONDS = 0.1
SETTLING_SECONDS = 8.0
PATIENCE = 40.0


class Served(Struct, frozen=True):
    """One customer: when it asked, how long until it was told, and each answer on the way (0: none)."""

    at: float
    seconds: float
    statuses: list[int]


class Kill(Struct, frozen=True):
    """One kill, and what customers met until p95 was back."""

    victim: str
    seconds: float
    statuses: dict[str, int]


def back_after(served: Sequence[Served], killed_at: float, until: float) -> float:
    """Return the seconds from the kill to the end of the first window from which on p95 keeps the level."""
    back = killed_at
    steps = int((until - WINDOW_SECONDS - killed_at) / STEP_SECONDS)
    for step in range(steps):
        start = killed_at + step * STEP_SECONDS
        waits = sorted(s.seconds for s in served if start <= s.at < start + WINDOW_SECONDS)
        if quantile(waits, 0.95) > LEVEL_SECONDS:
            back = start + STEP_SECONDS + WINDOW_SECONDS
    return back - killed_at


class Measure:
    """Customers at a steady rate, and one kill after the other."""

    def __init__(self, stack: Stack, session: aiohttp.ClientSession, seed: int) -> None:
        self._stack = stack
        self._session = session
        self._rng = random.Random(seed)
        self._served: list[Served] = []
        self._asked = 0

    async def run(self, kills: int) -> list[Kill]:
        """Kill so many times; returns what each cost."""
        environment = {"PROMO_KAFKA_BOOTSTRAP_SERVERS": self._stack.bootstrap}
        names = [f"streams-{number}" for number in range(1, WORKERS + 1)]
        workers = [Extra("streams", name, self._stack.data_dir, environment) for name in names]
        try:
            await asyncio.gather(*(worker.ready() for worker in workers))
            await Shop(self._session, self._stack.url, self._rng).open()
            arriving = asyncio.create_task(self._arrive())
            done = [await self._kill(self._rng.choice(workers)) for _ in range(kills)]
            arriving.cancel()
            return done
        finally:
            for worker in workers:
                worker.kill()

    async def _kill(self, victim: Extra) -> Kill:
        await asyncio.sleep(SETTLING_SECONDS)
        killed_at = time.monotonic()
        victim.kill()
        await asyncio.sleep(SETTLING_SECONDS)
        while time.monotonic() < killed_at + PATIENCE and self._is_slow():
            await asyncio.sleep(STEP_SECONDS)
        await asyncio.sleep(2 * WINDOW_SECONDS)
        seconds = back_after(self._served, killed_at, time.monotonic())
        met = [s for s in self._served if killed_at <= s.at < killed_at + seconds]
        statuses = Counter(str(status) for s in met for status in s.statuses)
        print(
            f"{victim.name}: back after {seconds:.1f} s, meanwhile {dict(sorted(statuses.items()))}",
            flush=True,
        )
        victim.start()
        await victim.ready()
        return Kill(victim.name, seconds, dict(statuses))

    def _is_slow(self) -> bool:
        """Say whether those who were answered in the last window, or wait since before it, waited too long."""
        start = time.monotonic() - WINDOW_SECONDS
        waits = sorted(s.seconds for s in self._served if s.at + s.seconds > start)
        return not waits or quantile(waits, 0.95) > LEVEL_SECONDS

    async def _arrive(self) -> None:
        async with asyncio.TaskGroup() as group:
            while True:
                self._asked += 1
                restaurant = self._rng.choice(RESTAURANTS)
                wish = Wish(restaurant, f"k-{self._asked}", [(UNLIMITED, 1)], "c")
                group.create_task(self._insist(wish))
                await asyncio.sleep(self._rng.expovariate(RATE))

    async def _insist(self, wish: Wish) -> None:
        at, statuses = time.monotonic(), []
        while True:
            statuses.append(await self._ask(wish))
            if statuses[-1] not in NOT_YET:
                break
            await asyncio.sleep(self._rng.uniform(0.05, 0.5))
        self._served.append(Served(at, time.monotonic() - at, statuses))

    async def _ask(self, wish: Wish) -> int:
        url, headers = f"{self._stack.url}/v1/orders", {"Idempotency-Key": wish.key}
        try:
            async with self._session.post(url, json=wish.body(), headers=headers) as answer:
                await answer.read()
                return answer.status
        except (aiohttp.ClientError, TimeoutError, OSError):
            return 0


async def measure(stack: Stack, seed: int, kills: int) -> list[Kill]:
    """Run a measure on a stack without workers."""
    async with client_session() as session:
        return await Measure(stack, session, seed).run(kills)


def main() -> int:
    """Measure; write build/chaos/recovery.json."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.recovery", description=__doc__)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the stack is stopped
    with started(FOLDER / "stack", streams_processes=0, ingress_processes=2, egress_processes=1) as stack:
        kills = asyncio.run(measure(stack, arguments.seed, arguments.kills))
    seconds = sorted(kill.seconds for kill in kills)
    statuses: Counter[str] = Counter()
    for kill in kills:
        statuses.update(kill.statuses)
    _write(FOLDER / "recovery.json", kills)
    print(f"\nmedian {quantile(seconds, 0.5):.1f} s, longest {seconds[-1]:.1f} s, of {len(kills)} kills")
    print(f"answers until back: {dict(sorted(statuses.items()))}")
    return 0


def _write(file: Path, kills: list[Kill]) -> None:
    file.write_bytes(msgspec.json.format(msgspec.json.encode(kills), indent=1))


if __name__ == "__main__":
    sys.exit(main())
