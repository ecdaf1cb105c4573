"""The load on a counter: commands on 40 keys, two workers, repeated kill -9, and an outside reader of the results."""

import asyncio
import random
from collections import Counter, defaultdict
from pathlib import Path

from aiokafka import AIOKafkaProducer
from msgspec import Struct

from tests.chaos.comparison import topics
from tests.chaos.extra_process import ExtraProcess
from tests.support import facts

KEYS = 40
COMMANDS_PER_SECOND = 100.0
WORKERS = 2
#: Seconds between two kills, at least and at most.
KILL_INTERVAL_SECONDS = (8.0, 12.0)
DRAIN_TIMEOUT_SECONDS = 90.0
#: After so long without a new result no more will come: sessions have expired and state is recovered.
SILENCE_SECONDS = 30.0


class WorkloadResult(Struct):
    """The result of one implementation."""

    commands: int
    kills: int
    duplicates: int  # results beyond the first of a command
    lost: int  # commands without a result
    wrong: int  # keys whose last count is not the number of their commands
    keys: int = KEYS


async def run(
    workload: str, module: str, bootstrap: str, folder: Path, seed: int, kills: int
) -> WorkloadResult:
    """Run workers of this module under load and kills; compare the results with the commands."""
    rng = random.Random(f"{seed}/comparison")
    await topics.create(bootstrap, workload)
    environment = {"PROMO_KAFKA_BOOTSTRAP_SERVERS": bootstrap}
    workers = [ExtraProcess(module, f"{workload}-{i}", folder, environment) for i in range(1, WORKERS + 1)]
    sent: dict[str, str] = {}  # command -> key
    load = asyncio.create_task(_send_commands(bootstrap, workload, rng, sent))
    supervision = [asyncio.create_task(_supervise(worker)) for worker in workers]
    try:
        await _wait_for_results(bootstrap, workload)
        for _ in range(kills):
            await asyncio.sleep(rng.uniform(*KILL_INTERVAL_SECONDS))
            victim = rng.choice(workers)
            victim.kill()
            victim.start()
        await asyncio.sleep(KILL_INTERVAL_SECONDS[1])
        load.cancel()
        await asyncio.wait([load])  # the producer flushes
        return _compare(sent, await _read_results(bootstrap, workload, len(sent)), kills)
    finally:
        for task in (load, *supervision):
            task.cancel()
        for worker in workers:
            worker.kill()


async def _supervise(worker: ExtraProcess) -> None:
    while True:
        await worker.restart_if_ended()


async def _send_commands(bootstrap: str, workload: str, rng: random.Random, sent: dict[str, str]) -> None:
    topic = topics.name(workload, topics.IN)
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True) as producer:
        while True:
            identity, key = f"c{len(sent)}", f"key-{rng.randrange(KEYS)}"
            sent[identity] = key
            await producer.send(topic, identity.encode(), key=key.encode())
            await asyncio.sleep(rng.expovariate(COMMANDS_PER_SECOND))


async def _wait_for_results(bootstrap: str, workload: str) -> None:
    async with asyncio.timeout(DRAIN_TIMEOUT_SECONDS):
        while not await facts.read(bootstrap, [topics.name(workload, topics.OUT)]):
            await asyncio.sleep(1.0)


async def _read_results(bootstrap: str, workload: str, expected: int) -> list[dict[str, object]]:
    """Return the results once each command has one, or once no more come."""
    results: list[dict[str, object]] = []
    silent_since = started = asyncio.get_running_loop().time()
    while True:
        records = await facts.read(bootstrap, [topics.name(workload, topics.OUT)])
        now = asyncio.get_running_loop().time()
        if len(records) != len(results):
            silent_since = now
        results = [record.value for record in records]
        complete = len({result["id"] for result in results}) == expected
        if complete or now > silent_since + SILENCE_SECONDS or now > started + DRAIN_TIMEOUT_SECONDS:
            return results
        await asyncio.sleep(1.0)


def _compare(sent: dict[str, str], results: list[dict[str, object]], kills: int) -> WorkloadResult:
    seen = Counter(str(result["id"]) for result in results)
    last: dict[str, int] = defaultdict(int)
    for result in results:
        key = sent[str(result["id"])]
        last[key] = max(last[key], int(str(result["count"])))
    expected = Counter(sent.values())
    return WorkloadResult(
        commands=len(sent),
        kills=kills,
        duplicates=seen.total() - len(seen),
        lost=len(sent) - len(seen),
        wrong=sum(last[key] != count for key, count in expected.items()),
    )
