"""A process that dies is started again."""

import asyncio
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from compose.errors import StartFailed
from compose.supervisor.keeper import Keeper, restart_delay
from compose.supervisor.program import Program


@asynccontextmanager
async def kept(tmp_path: Path, code: str) -> AsyncIterator[Keeper]:
    """Keep a small Python program for the length of the block."""
    program = Program(
        name="x-1",
        role="x",
        command=[sys.executable, "-c", code],
        folder=tmp_path,
        log=tmp_path / "x.log",
        url="",
        is_ready=(tmp_path / "ready").exists,
    )
    keeper = Keeper(program, lambda: None, report=lambda event: None)
    keeper.start()
    try:
        yield keeper
    finally:
        await keeper.stop(2.0)


@pytest.mark.parametrize("quick_deaths", range(20))
@pytest.mark.parametrize("chance", [0.0, 0.5, 1.0])
def test_a_restart_never_waits_for_a_second(quick_deaths: int, chance: float) -> None:
    """The contract: started again within 1 s; the rest of it is for the process to come up."""
    assert 0.0 <= restart_delay(quick_deaths, lambda: chance) <= 0.8


def test_the_first_restart_is_at_once_and_later_ones_are_not() -> None:
    """A program that cannot start must not eat the processor."""
    assert restart_delay(1) == 0.0
    assert restart_delay(2, lambda: 0.0) > 0.1


async def test_a_killed_process_is_replaced_within_a_second(tmp_path: Path) -> None:
    """Seen by its new process id."""
    (tmp_path / "ready").touch()
    async with kept(tmp_path, "import time; time.sleep(60)") as keeper:
        await keeper.until_ready(time.monotonic() + 5)
        first = keeper.running
        assert first is not None
        keeper._signal(signal.SIGKILL)
        deadline = time.monotonic() + 1
        while keeper.running is None or keeper.running.pid == first.pid:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)
        assert keeper.restarts == 1


async def test_a_program_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    """Stopping ends."""
    code = "import signal, pathlib, time; signal.signal(15, signal.SIG_IGN); pathlib.Path('ready').touch(); time.sleep(60)"
    async with kept(tmp_path, code) as keeper:
        await keeper.until_ready(time.monotonic() + 5)
        await keeper.stop(0.2)
        assert keeper.running is None


async def test_a_program_that_cannot_start_is_given_up_with_its_log(tmp_path: Path) -> None:
    """up says why, and does not wait for two minutes."""
    async with kept(tmp_path, "print('no such thing'); raise SystemExit(3)") as keeper:
        with pytest.raises(StartFailed, match="no such thing"):
            await keeper.until_ready(time.monotonic() + 30)
