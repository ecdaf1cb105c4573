"""The runtime on a real broker: kill -9 at every failpoint, a zombie, a lost store."""

import asyncio
import os
import shutil
import signal
from collections import Counter
from pathlib import Path

import pytest

from compose.kafka import topics
from schemas import timestamps
from schemas.runtime.partitioner import partition as partition_of
from schemas.settings import Settings
from schemas.topics import FACT_TOPICS
from streams import clock_command
from streams.exactly_once import failpoints
from tests.support import facts
from tests.support.exactly_once.command_sender import CommandSender
from tests.support.exactly_once.leaping_clock import stamp_tomorrow
from tests.support.exactly_once.worker import Worker

PORTIONS = 30
CUSTOMERS = 40


@pytest.fixture
async def workers(kafka: str, tmp_path: Path):
    """Topics, a sender, and a function that starts workers, which end with the test."""
    await topics.create(Settings(kafka_bootstrap_servers=kafka))
    started: list[Worker] = []

    def start(instance: str = "streams-1", **settings) -> Worker:
        quiet = {
            "tick_seconds": 3600,
            "max_transaction_commands": 7,
        }  # no tick: every micro-batch holds only the test's commands
        started.append(Worker(kafka, tmp_path, instance, **quiet, **settings))
        return started[-1]

    async with CommandSender(kafka) as sender:
        yield sender, start, tmp_path
    for worker in started:
        worker.kill()


async def send_orders(sender: CommandSender, restaurant: str) -> list[str]:
    """Every customer orders one, each key twice at once; returns the outcomes by key."""

    async def customer(i: int) -> str:
        await asyncio.sleep(i * 0.02)
        first, second = await asyncio.gather(
            sender.place(restaurant, f"k{i}", ("coxinha", 1)),
            sender.place(restaurant, f"k{i}", ("coxinha", 1)),
        )
        assert first.answer == second.answer
        return first.answer.outcome

    return await asyncio.gather(*(customer(i) for i in range(CUSTOMERS)))


async def check(kafka: str, restaurant: str, outcomes: list[str]) -> None:
    """The log has as many facts as there must be: each order once, every version once and in order."""
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


@pytest.mark.parametrize("point", failpoints.POINTS)
async def test_a_worker_killed_at_a_failpoint_loses_nothing(workers, kafka, point):
    """kill -9 in the third micro-batch; its successor continues from what is committed, and repeats nothing."""
    sender, start, _ = workers
    opening = start().ready()
    restaurant = await sender.open(PORTIONS, "coxinha")
    opening.kill()
    doomed = start(failpoint=f"{point}:3")
    racing = asyncio.create_task(send_orders(sender, restaurant))
    assert await asyncio.to_thread(doomed.wait_until_dead) == -signal.SIGKILL
    start()
    await check(kafka, restaurant, await racing)


async def test_a_zombie_changes_nothing_and_comes_back_as_a_worker(workers, kafka):
    """SIGSTOP for longer than the session timeout, SIGCONT while another worker has its partitions."""
    sender, start, _ = workers
    zombie = start().ready()
    restaurant = await sender.open(PORTIONS, "coxinha")
    racing = asyncio.create_task(send_orders(sender, restaurant))
    await asyncio.sleep(0.3)
    zombie.signal(signal.SIGSTOP)
    successor = start("streams-2")
    await asyncio.to_thread(successor.ready)
    zombie.signal(signal.SIGCONT)
    outcomes = await racing
    await check(kafka, restaurant, outcomes)
    await asyncio.to_thread(zombie.ready)
    assert (await sender.place(restaurant, "k0", ("coxinha", 1))).replayed


@pytest.mark.parametrize("loss", ["deleted", "restored from an old copy", "truncated"])
async def test_a_lost_local_store_is_rebuilt_from_the_changelog(workers, kafka, loss):
    """Rule 6: the store is a cache; keys, stock and position are restored."""
    sender, start, folder = workers
    worker = start().ready()
    restaurant = await sender.open(PORTIONS, "coxinha")
    state, copy = folder / "state" / "streams-1", folder / "copy"
    worker.kill()
    shutil.copytree(state, copy)
    worker = start().ready()
    outcomes = await send_orders(sender, restaurant)
    worker.kill()
    if loss == "truncated":
        for file in state.rglob("*.log"):
            file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    else:
        shutil.rmtree(state)
    if loss == "restored from an old copy":
        shutil.copytree(copy, state)
    start().ready()
    assert await send_orders(sender, restaurant) == outcomes
    await check(kafka, restaurant, outcomes)


async def test_a_leap_of_the_brokers_clock_waits_for_an_operator(workers, kafka, monkeypatch, capsys):
    """Rule 8: `promo clock accept --keep-time` lets the partition go on at today's time."""
    sender, start, _ = workers
    worker = start().ready()
    restaurant = await sender.open(PORTIONS, "coxinha")
    numbers = list(range(Settings().partitions))
    partition = partition_of(restaurant.encode(), numbers, numbers)
    monkeypatch.setenv("PROMO_KAFKA_BOOTSTRAP_SERVERS", kafka)
    accept = ["clock", "accept", str(partition), "--keep-time", "--reason", "a test"]
    await asyncio.sleep(1.5)  # the worker commits its position each second
    assert await asyncio.to_thread(clock_command.main, accept) == 1
    assert "nothing to accept" in capsys.readouterr().err
    await stamp_tomorrow(kafka, partition)
    placing = asyncio.create_task(sender.place(restaurant, "k", ("coxinha", 1)))
    stopped = f'promo_partition_stopped{{partition="order.commands-{partition}"}} '
    await asyncio.to_thread(worker.wait_until, lambda: f"{stopped}1.0" in worker.metrics(), "does not stop")
    assert await asyncio.to_thread(clock_command.main, accept) == 0
    reply = await placing
    assert reply.answer.outcome == "confirmed"
    age = timestamps.wall_clock() - timestamps.from_text(reply.answer.order.created_at)
    assert abs(age) < 120_000
    assert f"{stopped}0.0" in worker.metrics()


#: Makes a worker one of the next release: stocks have a version more.
NEXT_RELEASE = """
from msgspec.structs import force_setattr
from tables.registry import STOCKS
force_setattr(STOCKS, "written_version", STOCKS.known_version + 1)
force_setattr(STOCKS, "known_version", STOCKS.known_version + 1)
"""


async def test_a_rollback_past_a_version_of_the_state_waits(workers, kafka, monkeypatch):
    """Rule 10: the older worker stops at the stock, and the newer one decides the order that waited."""
    sender, start, folder = workers
    (folder / "sitecustomize.py").write_text(NEXT_RELEASE)
    with monkeypatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(folder), os.getcwd()]))
        newer = start().ready()
    restaurant = await sender.open(PORTIONS, "coxinha")
    newer.kill()
    older = start().ready()
    placing = asyncio.create_task(sender.place(restaurant, "k", ("coxinha", 1)))
    numbers = list(range(Settings().partitions))
    partition = partition_of(restaurant.encode(), numbers, numbers)
    stopped = f'promo_partition_stopped{{partition="order.commands-{partition}"}} 1.0'
    await asyncio.to_thread(older.wait_until, lambda: stopped in older.metrics(), "does not stop")
    assert "newer-state" in older.log.read_text()
    older.kill()
    with monkeypatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(folder), os.getcwd()]))
        start().ready()
    assert (await placing).answer.outcome == "confirmed"
    records = await facts.read(kafka, [t.name for t in FACT_TOPICS.values()], restaurant)
    assert Counter(r.topic for r in records)["order.confirmed"] == 1
