"""python -m tests.surge.generator: one process of the load, told on standard input what to do.

Writes what it counts to standard output, a line a second, and at the end what the checker is to see to a file.
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

from tests.checker.observations import Read
from tests.surge.customers import Asked, Customers
from tests.surge.passers_by import PassersBy
from tests.surge.profile import Profile, arrivals
from tests.surge.readers import Readers
from tests.surge.tally import Second, Tally
from tests.surge.wire import Pool


class Orders(Struct, frozen=True):
    """What one process of the load does."""

    kind: Literal["reads", "orders"]
    name: str
    host: str
    port: int
    profile: Profile
    share: float  # of the profile's rates
    begin_at: float  # of time.time()
    seed: int
    seen: str  # the file for what was seen
    connections: int
    insist: bool = True


class Seen(Struct):
    """What the checker is to see."""

    asked: list[Asked] = []
    reads: list[Read] = []
    unread: list[tuple[str, int]] = []


Counted = list[tuple[str, int, Second]]


async def generate(told: Orders) -> None:
    """Do it."""
    rng = random.Random(f"{told.seed}/{told.name}")
    pool, tally = Pool(told.host, told.port, told.connections), Tally()
    counting = asyncio.ensure_future(_tell(pool, tally))
    seen = Seen()
    times = arrivals(told.profile, told.kind, told.share, rng)
    if told.kind == "reads":
        readers = Readers(pool, tally, rng, told.begin_at)
        await readers.run(times)
        seen.reads, seen.unread = readers.reads, readers.unread
    elif not told.insist:
        await PassersBy(pool, tally, rng, told.begin_at, told.name).run(times)
    else:
        customers = Customers(pool, tally, rng, told.begin_at, told.name)
        await customers.run(times)
        seen.asked = customers.asked
    counting.cancel()
    _say(tally)
    Path(told.seen).write_bytes(msgspec.msgpack.encode(seen))


async def _tell(pool: Pool, tally: Tally) -> None:
    while True:
        await asyncio.sleep(1.0)
        pool.sweep()
        _say(tally)


def _say(tally: Tally) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(tally.take()) + b"\n")
    sys.stdout.buffer.flush()


def main() -> None:
    """Read what to do, do it."""
    told = msgspec.json.decode(sys.stdin.buffer.read(), type=Orders)
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    uvloop.run(generate(told))


if __name__ == "__main__":
    main()
