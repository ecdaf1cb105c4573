"""The supervisor restarts a process that dies."""

import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from compose.errors import SettingsRejected, StartFailed
from compose.supervisor.process import SupervisedProcess, restart_delay
from compose.supervisor.services import Service
from tests.support.waiting import eventually


@asynccontextmanager
async def supervised(
    tmp_path: Path, code: str, notes: list[str] | None = None
) -> AsyncIterator[SupervisedProcess]:
    """Supervise a small Python program during the block; it is ready once the file `ready` exists."""
    service = Service(
        name="x-1",
        role="x",
        command=[sys.executable, "-c", code],
        folder=tmp_path,
        log=tmp_path / "x.log",
        url="",
        is_ready=(tmp_path / "ready").exists,
    )
    said = [] if notes is None else notes
    process = SupervisedProcess(service, lambda: None, lambda kind, text, exit_status=0: said.append(text))
    process.start()
    try:
        yield process
    finally:
        await process.stop(2.0)


@pytest.mark.parametrize("crash_count", range(20))
@pytest.mark.parametrize("random_unit", [0.0, 0.5, 1.0])
def test_restart_delay_is_below_one_second(crash_count: int, random_unit: float) -> None:
    """Contract: a process that dies is started again within 1 s; the rest is for its start."""
    assert 0.0 <= restart_delay(crash_count, lambda: random_unit) <= 0.8


def test_first_restart_is_immediate_and_later_ones_wait() -> None:
    """A program that cannot start must not use up the processor."""
    assert restart_delay(1) == 0.0
    assert restart_delay(2, lambda: 0.0) > 0.1


async def test_killed_process_is_replaced(tmp_path: Path) -> None:
    """Its new process id shows it."""
    (tmp_path / "ready").touch()
    notes: list[str] = []
    async with supervised(tmp_path, "import time; time.sleep(60)", notes) as process:
        await process.wait_until_ready(time.monotonic() + 30)
        first = process.info
        assert first is not None
        os.kill(first.pid, signal.SIGKILL)
        await eventually(lambda: process.info is not None and process.info.pid != first.pid)
        assert process.restarts == 1
    assert "x-1 ended with signal 9" in notes[0]


async def test_program_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    """Every stop ends."""
    code = "import signal, pathlib, time; signal.signal(15, signal.SIG_IGN); pathlib.Path('ready').touch(); time.sleep(60)"
    async with supervised(tmp_path, code) as process:
        await process.wait_until_ready(time.monotonic() + 30)
        await process.stop(0.2)
        assert process.info is None


async def test_program_that_cannot_start_fails_with_its_log(tmp_path: Path) -> None:
    """`up` says why, and does not wait for two minutes."""
    async with supervised(tmp_path, "print('no such thing'); raise SystemExit(3)") as process:
        with pytest.raises(StartFailed, match="no such thing"):
            await process.wait_until_ready(time.monotonic() + 30)


async def test_rejected_settings_end_the_first_start(tmp_path: Path) -> None:
    """A process that ends with status 2 is not restarted, and its own words are the message."""
    (tmp_path / "x.log").write_text("of an earlier run\n")
    code = "print('PROMO_X: expected a number'); raise SystemExit(2)"
    async with supervised(tmp_path, code) as process:
        with pytest.raises(SettingsRejected, match=r"(?s)x-1 rejects .*PROMO_X: expected a number") as raised:
            await process.wait_until_ready(time.monotonic() + 30)
        assert process.restarts == 0
    assert "of an earlier run" not in str(raised.value)


async def test_status_2_after_readiness_is_restarted(tmp_path: Path) -> None:
    """Contract: a process that worked and dies is started again, whatever its exit status."""
    (tmp_path / "ready").touch()
    code = (
        "import pathlib, time\nwhile not pathlib.Path('end').exists(): time.sleep(0.01)\nraise SystemExit(2)"
    )
    async with supervised(tmp_path, code) as process:
        await process.wait_until_ready(time.monotonic() + 30)
        (tmp_path / "end").touch()
        await eventually(lambda: process.restarts > 0)
