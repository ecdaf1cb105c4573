"""promo demo: a stack of its own, the promotion, the race, the table."""

import asyncio
import shutil
import tempfile
from pathlib import Path

import aiohttp
from rich.console import Console

from compose import file_locks, preflight, progress
from compose.demo import audit, fact_counts, promotion, race, result_table
from compose.demo.http import RetryingClient
from compose.errors import AlreadyRunning
from compose.kafka.java import Java
from compose.progress import Report
from compose.supervisor import services, session
from compose.supervisor.stack import Stack
from compose.supervisor.stack_state import StackDir
from schemas.settings import Settings

FOLDER_PREFIX = "demo-"
INTERRUPTED_STATUS = 130


def run(settings: Settings, console: Console, *, leave: bool) -> int:
    """Return 0 if nothing was oversold, lost or doubled. Runs until Ctrl-C unless `leave` is true.

    Raises StackError.
    """
    stack_dir = StackDir.of(settings)
    preflight.check_folders(stack_dir.folder)
    with file_locks.acquire(stack_dir.lock, wait=False) as acquired:
        if not acquired:
            raise AlreadyRunning(stack_dir.folder)
        stack_dir.write_initial_state("demo", services.http_url(settings))
        for previous in stack_dir.folder.glob(f"{FOLDER_PREFIX}*"):  # of a failed demo
            shutil.rmtree(previous, ignore_errors=True)
        with progress.show_progress(console) as report:
            java = session.prepare(settings, report)
        data = Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX, dir=stack_dir.folder))
        demo = _Demo(settings, stack_dir, data, console, leave)
        asyncio.run(session.run_until_signalled(demo.run(java)))
        if demo.status == 0:
            shutil.rmtree(data)
        else:
            console.print(f"Data and logs are kept in {data} until the next demo.", soft_wrap=True)
    return demo.status


class _Demo:
    """One demo; `status` is its exit status, also after Ctrl-C."""

    def __init__(
        self, settings: Settings, stack_dir: StackDir, data: Path, console: Console, leave: bool
    ) -> None:
        self.status = INTERRUPTED_STATUS
        self._settings = settings
        self._stack_dir = stack_dir
        self._data = data
        self._console = console
        self._leave = leave

    async def run(self, java: Java | None) -> int:
        """Start the stack, run the race, and return the exit status."""
        with progress.show_progress(self._console) as report:
            async with session.running_stack(
                self._settings, self._stack_dir, self._data, report, "demo", java
            ) as stack:
                await self._play(stack, report)
                if not self._leave:
                    report("working", "everything keeps running; Ctrl-C stops it")
                    await asyncio.Event().wait()
        return self.status

    async def _play(self, stack: Stack, report: Report) -> None:
        connector = aiohttp.TCPConnector(limit=0)  # as many connections as customers
        async with aiohttp.ClientSession(connector=connector) as http:
            client = RetryingClient(http, stack.url)
            token = await promotion.publish(client, stack.secrets["PROMO_ADMIN_TOKEN"])
            report(
                "done", f"promotion: {promotion.PORTIONS} portions of {promotion.SKU}, open for 15 minutes"
            )
            report("working", f"{race.CUSTOMERS} customers order at once")
            results = await race.run(client)
            report("done", f"{race.CUSTOMERS} customers have ordered")
        report("working", "reading the facts from Kafka")
        facts = await fact_counts.read(self._settings.kafka)
        result = audit.compare(results, facts, promotion.PORTIONS)
        result_table.show(self._console, result)
        result_table.show_pages(self._console, stack.url, token)
        self.status = 0 if result.is_clean else 1
