"""python -m tests.surge.generator: one process of the load, which reads its task from standard input.

It writes its counts to standard output, a line a second, and at the end its observations to a file.
"""

import asyncio
import gc
import random
import sys
from pathlib import Path
from typing import Literal

import msgspec
import uvloop
from msgspec import Struct

from tests.checker.observations import MenuRead
from tests.surge.customers import LoadCustomers, TimedAttempt, get_tokens
from tests.surge.http_client import ConnectionPool
from tests.surge.one_shot_customers import OneShotCustomers
from tests.surge.profile import Profile, arrivals
from tests.surge.readers import LoadReaders
from tests.surge.tally import Second, Tally


class GeneratorTask(Struct, frozen=True):
    """The task of one process of the load."""

    kind: Literal["reads", "orders"]
    name: str
    host: str
    port: int
    profile: Profile
    share: float  # of the profile's rates
    begin_at: float  # of time.time()
    seed: int
    seen: str  # the file of the observations
    connections: int
    with_retries: bool = True


class GeneratorObservations(Struct):
    """The observations for the checker."""

    attempts: list[TimedAttempt] = []
    reads: list[MenuRead] = []
    failed_reads: list[tuple[str, int]] = []


Counts = list[tuple[str, int, Second]]


async def generate(task: GeneratorTask) -> None:
    """Generate the load of a task."""
    rng = random.Random(f"{task.seed}/{task.name}")
    pool, tally = ConnectionPool(task.host, task.port, task.connections), Tally()
    reporting = asyncio.ensure_future(_report_every_second(pool, tally))
    seen = GeneratorObservations()
    times = arrivals(task.profile, task.kind, task.share, rng)
    parts = (pool, tally, rng, task.begin_at, task.name)
    if task.kind == "reads":
        readers = LoadReaders(*parts)
        await readers.run(times)
        seen.reads, seen.failed_reads = readers.reads, readers.failed
    elif not task.with_retries:
        await OneShotCustomers(*parts, await get_tokens(pool)).run(times)
    else:
        customers = LoadCustomers(*parts, await get_tokens(pool))
        await customers.run(times)
        seen.attempts = customers.attempts
    reporting.cancel()
    _report(tally)
    Path(task.seen).write_bytes(msgspec.msgpack.encode(seen))


async def _report_every_second(pool: ConnectionPool, tally: Tally) -> None:
    while True:
        await asyncio.sleep(1.0)
        pool.close_overdue()
        _report(tally)


def _report(tally: Tally) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(tally.drain()) + b"\n")
    sys.stdout.buffer.flush()


def main() -> None:
    """Read the task, generate its load."""
    task = msgspec.json.decode(sys.stdin.buffer.read(), type=GeneratorTask)
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    uvloop.run(generate(task))


if __name__ == "__main__":
    main()
