"""python -m tests.chaos.recovery: how long the latency of orders stays high after a kill -9 of one of three workers.

The program starts the workers itself, so that the supervisor does not restart the killed one.
"""

import argparse
import asyncio
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import aiohttp
import msgspec
from msgspec import Struct

from tests.chaos.__main__ import FOLDER
from tests.chaos.customers import OrderIntent
from tests.chaos.extra_process import ExtraProcess
from tests.chaos.restaurants import RESTAURANTS, UNLIMITED, Restaurants
from tests.chaos.stack_under_test import client_session
from tests.checker.service import NOT_YET
from tests.e2e.stack import Stack
from tests.support.programs import exit_on_sigterm, fresh_stack
from tests.support.statistics import quantile

WORKERS = 3
ORDERS_PER_SECOND = 30.0
#: The service level: p95 over a sliding window.
P95_SECONDS = 0.3
WINDOW_SECONDS = 2.0
STEP_SECONDS = 0.1
SETTLING_SECONDS = 8.0
RECOVERY_TIMEOUT_SECONDS = 40.0


class ServedOrder(Struct, frozen=True):
    """When an order was due, how long until it was decided, and the status of each attempt (0: no response)."""

    at: float
    seconds: float
    statuses: list[int]


class Kill(Struct, frozen=True):
    """One kill, the seconds to recovery, and the statuses in between."""

    victim: str
    seconds: float
    statuses: dict[str, int]


def seconds_to_recover(served: Sequence[ServedOrder], killed_at: float, until: float) -> float:
    """Return the seconds from the kill to the end of the last window whose p95 is above the service level."""
    recovered_at = killed_at
    steps = int((until - WINDOW_SECONDS - killed_at) / STEP_SECONDS)
    for step in range(steps):
        start = killed_at + step * STEP_SECONDS
        waits = [s.seconds for s in served if start <= s.at < start + WINDOW_SECONDS]
        if quantile(waits, 0.95) > P95_SECONDS:
            recovered_at = start + STEP_SECONDS + WINDOW_SECONDS
    return recovered_at - killed_at


class RecoveryBenchmark:
    """A steady load of orders, and one kill after another."""

    def __init__(self, stack: Stack, session: aiohttp.ClientSession, seed: int) -> None:
        self._stack = stack
        self._session = session
        self._rng = random.Random(seed)
        self._served: list[ServedOrder] = []
        self._sent = 0

    async def run(self, kills: int) -> list[Kill]:
        """Kill a worker this many times; return the measurement of each kill."""
        environment = {"PROMO_KAFKA_BOOTSTRAP_SERVERS": self._stack.bootstrap}
        names = [f"streams-{number}" for number in range(1, WORKERS + 1)]
        workers = [ExtraProcess("streams", name, self._stack.data_dir, environment) for name in names]
        try:
            await asyncio.gather(*(worker.wait_until_ready() for worker in workers))
            await Restaurants(self._session, self._stack.url, self._rng).create_all()
            load = asyncio.create_task(self._send_orders())
            measured = [await self._kill(self._rng.choice(workers)) for _ in range(kills)]
            load.cancel()
            return measured
        finally:
            for worker in workers:
                worker.kill()

    async def _kill(self, victim: ExtraProcess) -> Kill:
        await asyncio.sleep(SETTLING_SECONDS)
        killed_at = time.monotonic()
        victim.kill()
        await asyncio.sleep(SETTLING_SECONDS)
        while time.monotonic() < killed_at + RECOVERY_TIMEOUT_SECONDS and self._is_slow():
            await asyncio.sleep(STEP_SECONDS)
        await asyncio.sleep(2 * WINDOW_SECONDS)
        seconds = seconds_to_recover(self._served, killed_at, time.monotonic())
        affected = [s for s in self._served if killed_at <= s.at < killed_at + seconds]
        statuses = Counter(str(status) for s in affected for status in s.statuses)
        print(
            f"{victim.name}: recovered after {seconds:.1f} s; responses until then: {dict(sorted(statuses.items()))}",
            flush=True,
        )
        victim.start()
        await victim.wait_until_ready()
        return Kill(victim.name, seconds, dict(statuses))

    def _is_slow(self) -> bool:
        """Return True if the p95 of the orders decided in the last window is above the service level."""
        start = time.monotonic() - WINDOW_SECONDS
        waits = [s.seconds for s in self._served if s.at + s.seconds > start]
        return not waits or quantile(waits, 0.95) > P95_SECONDS

    async def _send_orders(self) -> None:
        async with asyncio.TaskGroup() as group:
            while True:
                self._sent += 1
                restaurant = self._rng.choice(RESTAURANTS)
                intent = OrderIntent(restaurant, f"k-{self._sent}", [(UNLIMITED, 1)], "c")
                group.create_task(self._retry_until_decided(intent))
                await asyncio.sleep(self._rng.expovariate(ORDERS_PER_SECOND))

    async def _retry_until_decided(self, intent: OrderIntent) -> None:
        at, statuses = time.monotonic(), []
        while True:
            statuses.append(await self._send(intent))
            if statuses[-1] not in NOT_YET:
                break
            await asyncio.sleep(self._rng.uniform(0.05, 0.5))
        self._served.append(ServedOrder(at, time.monotonic() - at, statuses))

    async def _send(self, intent: OrderIntent) -> int:
        url, headers = f"{self._stack.url}/v1/orders", {"Idempotency-Key": intent.key}
        try:
            async with self._session.post(url, json=intent.body(), headers=headers) as response:
                await response.read()
                return response.status
        except (aiohttp.ClientError, TimeoutError, OSError):
            return 0


async def measure(stack: Stack, seed: int, kills: int) -> list[Kill]:
    """Run the benchmark on a stack without workers."""
    async with client_session() as session:
        return await RecoveryBenchmark(stack, session, seed).run(kills)


def main() -> int:
    """Measure, print, write build/chaos/recovery.json."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.recovery", description=__doc__)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    exit_on_sigterm()
    with fresh_stack(FOLDER / "stack", streams_processes=0, ingress_processes=2, egress_processes=1) as stack:
        kills = asyncio.run(measure(stack, arguments.seed, arguments.kills))
    seconds = [kill.seconds for kill in kills]
    statuses: Counter[str] = Counter()
    for kill in kills:
        statuses.update(kill.statuses)
    _write(FOLDER / "recovery.json", kills)
    print(f"\nmedian {quantile(seconds, 0.5):.1f} s, longest {max(seconds):.1f} s, of {len(kills)} kills")
    print(f"responses until recovery: {dict(sorted(statuses.items()))}")
    return 0


def _write(file: Path, kills: list[Kill]) -> None:
    file.write_bytes(msgspec.json.format(msgspec.json.encode(kills), indent=1))


if __name__ == "__main__":
    sys.exit(main())
