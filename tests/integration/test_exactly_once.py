"""The layer on a real broker: kill -9 at every named point, a zombie, a lost store."""

import asyncio
import shutil
import signal
from collections import Counter
from pathlib import Path

import pytest

from compose.kafka import topics
from schemas.settings import Settings
from schemas.topics import FACT_TOPICS
from streams.exactly_once import probes
from tests import facts
from tests.integration.asking import Asker
from tests.integration.worker import Worker

PORTIONS = 30
CUSTOMERS = 40


@pytest.fixture
async def world(kafka: str, tmp_path: Path):
    """Topics, an asker, and a way to start workers that end with the test."""
    await topics._create(Settings(), kafka)
    started: list[Worker] = []

    def start(instance: str = "streams-1", **settings) -> Worker:
        quiet = {"tick_seconds": 3600, "max_batch": 7}  # every micro-batch is one of the test's own
        started.append(Worker(kafka, tmp_path, instance, **quiet, **settings))
        return started[-1]

    async with Asker(kafka) as asker:
        yield asker, start, tmp_path
    for worker in started:
        worker.kill()


async def race(asker: Asker, restaurant: str) -> list[str]:
    """Every customer orders one, each key twice at once; returns the outcomes by key."""

    async def customer(i: int) -> str:
        await asyncio.sleep(i * 0.02)
        first, second = await asyncio.gather(
            asker.order(restaurant, f"k{i}", ("coxinha", 1)), asker.order(restaurant, f"k{i}", ("coxinha", 1))
        )
        assert first.answer == second.answer
        return first.answer.outcome

    return await asyncio.gather(*(customer(i) for i in range(CUSTOMERS)))


async def check(kafka: str, restaurant: str, outcomes: list[str]) -> None:
    """What the log says: as many as there are, each order once, every version once and in order."""
    assert Counter(outcomes) == {"confirmed": PORTIONS, "out_of_stock": CUSTOMERS - PORTIONS}
    records = await facts.read(kafka, [t.name for t in FACT_TOPICS.values()], restaurant)
    by_topic = Counter(r.topic for r in records)
    assert by_topic["order.confirmed"] == by_topic["stock.reserved"] == PORTIONS
    assert by_topic["order.failed"] == CUSTOMERS - PORTIONS
    assert by_topic["order.created"] == CUSTOMERS
    event_ids = [r.headers["event-id"] for r in records]
    assert len(event_ids) == len(set(event_ids))
    reserved = [r.value["items"][0] for r in records if r.topic == "stock.reserved"]
    assert [i["version"] for i in reserved] == list(range(2, PORTIONS + 2))
    assert [i["available"] for i in reserved] == list(range(PORTIONS - 1, -1, -1))


@pytest.mark.parametrize("point", probes.POINTS)
async def test_a_worker_killed_at_a_named_point_loses_and_doubles_nothing(world, kafka, point):
    """kill -9 in the third micro-batch of the load; its successor goes on from what is committed."""
    asker, start, _ = world
    opening = start().ready()
    restaurant = await asker.open(PORTIONS, "coxinha")
    opening.kill()
    doomed = start(kill_at=f"{point}:3")
    racing = asyncio.create_task(race(asker, restaurant))
    assert await asyncio.to_thread(doomed.wait_until_dead) == -signal.SIGKILL
    start()
    await check(kafka, restaurant, await racing)


async def test_a_zombie_changes_nothing_and_comes_back_as_a_worker(world, kafka):
    """SIGSTOP beyond the session timeout, SIGCONT while another worker has its partitions."""
    asker, start, _ = world
    zombie = start().ready()
    restaurant = await asker.open(PORTIONS, "coxinha")
    racing = asyncio.create_task(race(asker, restaurant))
    await asyncio.sleep(0.3)
    zombie.signal(signal.SIGSTOP)
    successor = start("streams-2")
    await asyncio.to_thread(successor.ready)
    zombie.signal(signal.SIGCONT)
    outcomes = await racing
    await check(kafka, restaurant, outcomes)
    await asyncio.to_thread(zombie.ready)
    assert (await asker.order(restaurant, "k0", ("coxinha", 1))).replayed


@pytest.mark.parametrize("loss", ["deleted", "restored from an old copy", "truncated"])
async def test_a_lost_local_store_is_rebuilt_from_the_changelog(world, kafka, loss):
    """Rule 6: the store is a cache; keys, stock and position come back as they were."""
    asker, start, folder = world
    worker = start().ready()
    restaurant = await asker.open(PORTIONS, "coxinha")
    state, copy = folder / "state" / "streams-1", folder / "copy"
    worker.kill()
    shutil.copytree(state, copy)
    worker = start().ready()
    outcomes = await race(asker, restaurant)
    worker.kill()
    if loss == "truncated":
        for file in state.rglob("*.log"):
            file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    else:
        shutil.rmtree(state)
    if loss == "restored from an old copy":
        shutil.copytree(copy, state)
    start().ready()
    assert await race(asker, restaurant) == outcomes
    await check(kafka, restaurant, outcomes)
