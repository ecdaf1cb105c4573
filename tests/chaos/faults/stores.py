"""Faults of stores: Redis is emptied, or a worker's local store is damaged while the worker is down.

The supervisor starts a killed worker again at once. The damage is faster than the start of Python.
"""

import asyncio
import shutil
import signal
from pathlib import Path

import redis.asyncio

from compose import subprocesses
from compose.supervisor.stack_state import RunningProcess
from tests.chaos.faults.fault import Injection, send_signal

#: Seconds between the copy and its return: the copy lacks the decisions of that time.
AGEING_SECONDS = 3.0


async def flush_redis(injection: Injection) -> None:
    """Delete all views with their offsets (FLUSHALL)."""
    async with redis.asyncio.Redis(port=injection.target.stack.redis_port) as client:
        await client.flushall()


async def delete(injection: Injection) -> None:
    """Delete the local store of a worker."""
    shutil.rmtree(await _kill(injection, await injection.choose("streams")), ignore_errors=True)


async def truncate(injection: Injection) -> None:
    """Cut each file of one kind in half: the latest writes, the tables, or the list of tables."""
    pattern = injection.rng.choice(["*.log", "*.sst", "MANIFEST-*"])
    for file in (await _kill(injection, await injection.choose("streams"))).rglob(pattern):
        with file.open("r+b") as opened:
            opened.truncate(file.stat().st_size // 2)


async def damage_live(injection: Injection) -> None:
    """Flip bytes in the tables of a worker that runs and reads them, as a failing disk does."""
    store = injection.target.state_folder((await injection.choose("streams")).name)
    for file in store.rglob("*.sst"):
        with file.open("r+b") as opened:
            content = opened.read()
            for place in range(0, len(content) // 2, 64):
                opened.seek(place)
                opened.write(bytes([content[place] ^ 0xFF]))


async def restore_old_copy(injection: Injection) -> None:
    """Replace the local store of a worker by an old copy."""
    target = injection.target
    copy = target.folder / "old-store"
    shutil.rmtree(copy, ignore_errors=True)
    victim = await injection.choose("streams")
    shutil.copytree(await _kill(injection, victim), copy)
    await target.wait_until_recovered()
    await asyncio.sleep(AGEING_SECONDS)
    successor = next(p for p in target.running("streams") if p.name == victim.name)
    store = await _kill(injection, successor)
    shutil.rmtree(store)
    shutil.move(copy, store)


async def _kill(injection: Injection, victim: RunningProcess) -> Path:
    """kill -9; return the folder of its local store."""
    send_signal(victim, signal.SIGKILL)
    while subprocesses.is_alive(victim.pid):
        await asyncio.sleep(0.002)
    return injection.target.state_folder(victim.name)
