"""Commands on a few dozen keys, two workers, kill -9 again and again; what an outside reader then sees."""

import asyncio
import random
from collections import Counter, defaultdict
from pathlib import Path

from aiokafka import AIOKafkaProducer
from msgspec import Struct

from tests.chaos.comparison import topics
from tests.chaos.extra import Extra
from tests.support import facts

KEYS = 40
RATE = 100.0
WORKERS = 2
PAUSE = (8.0, 12.0)  # seconds between two kills
DRAIN_SECONDS = 90.0
#: After so many seconds without a new outcome nothing more will come: sessions have ended and state is recovered.
SILENCE_SECONDS = 30.0


class Outcome(Struct):
    """What came of one workload."""

    commands: int
    kills: int
    doubled: int  # outcomes beyond the first of a command
    lost: int  # commands without an outcome
    wrong: int  # keys whose last count is not the number of their commands
    keys: int = KEYS


async def run(workload: str, module: str, bootstrap: str, folder: Path, seed: int, kills: int) -> Outcome:
    """Run it."""
    rng = random.Random(f"{seed}/comparison")
    await topics.create(bootstrap, workload)
    environment = {"PROMO_KAFKA_BOOTSTRAP_SERVERS": bootstrap}
    workers = [Extra(module, f"{workload}-{i}", folder, environment) for i in range(1, WORKERS + 1)]
    sent: dict[str, str] = {}  # command -> key
    asking = asyncio.create_task(_ask(bootstrap, workload, rng, sent))
    keeping = [asyncio.create_task(_keep(worker)) for worker in workers]
    try:
        await _until_answered(bootstrap, workload)
        for _ in range(kills):
            await asyncio.sleep(rng.uniform(*PAUSE))
            victim = rng.choice(workers)
            victim.kill()
            victim.start()
        await asyncio.sleep(PAUSE[1])
        asking.cancel()
        await asyncio.wait([asking])  # what was asked until now is written
        return _check(sent, await _drained(bootstrap, workload, len(sent)), kills)
    finally:
        for task in (asking, *keeping):
            task.cancel()
        for worker in workers:
            worker.kill()


async def _keep(worker: Extra) -> None:
    while True:
        await worker.keep()


async def _ask(bootstrap: str, workload: str, rng: random.Random, sent: dict[str, str]) -> None:
    topic = topics.name(workload, topics.IN)
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True) as producer:
        while True:
            identity, key = f"c{len(sent)}", f"key-{rng.randrange(KEYS)}"
            sent[identity] = key
            await producer.send(topic, identity.encode(), key=key.encode())
            await asyncio.sleep(rng.expovariate(RATE))


async def _until_answered(bootstrap: str, workload: str) -> None:
    async with asyncio.timeout(DRAIN_SECONDS):
        while not await facts.read(bootstrap, [topics.name(workload, topics.OUT)]):
            await asyncio.sleep(1.0)


async def _drained(bootstrap: str, workload: str, expected: int) -> list[dict[str, object]]:
    """Return the outcomes when each command has one, or when no more come."""
    outcomes: list[dict[str, object]] = []
    silent_since = started = asyncio.get_running_loop().time()
    while True:
        records = await facts.read(bootstrap, [topics.name(workload, topics.OUT)])
        now = asyncio.get_running_loop().time()
        if len(records) != len(outcomes):
            silent_since = now
        outcomes = [record.value for record in records]
        complete = len({outcome["id"] for outcome in outcomes}) == expected
        if complete or now > silent_since + SILENCE_SECONDS or now > started + DRAIN_SECONDS:
            return outcomes
        await asyncio.sleep(1.0)


def _check(sent: dict[str, str], outcomes: list[dict[str, object]], kills: int) -> Outcome:
    seen = Counter(str(outcome["id"]) for outcome in outcomes)
    last: dict[str, int] = defaultdict(int)
    for outcome in outcomes:
        key = sent[str(outcome["id"])]
        last[key] = max(last[key], int(str(outcome["count"])))
    expected = Counter(sent.values())
    return Outcome(
        commands=len(sent),
        kills=kills,
        doubled=seen.total() - len(seen),
        lost=len(sent) - len(seen),
        wrong=sum(last[key] != count for key, count in expected.items()),
    )
