"""python -m compose demo: a stack of its own, the promotion, the race, the table."""

import asyncio
import shutil
import tempfile
from pathlib import Path

import aiohttp
from rich.console import Console

from compose import locks, preflight, progress
from compose.demo import ledger, promotion, race, report, verdict
from compose.demo.http import Client
from compose.errors import AlreadyRunning
from compose.kafka.java import Java
from compose.progress import Event, Report
from compose.supervisor import program, session
from compose.supervisor.stack import Stack
from compose.supervisor.state import Home
from schemas.settings import Settings

PREFIX = "demo-"
INTERRUPTED = 130


def run(settings: Settings, console: Console, *, leave: bool) -> int:
    """Return 0 when nothing was oversold, lost or doubled; runs until Ctrl-C unless it is to leave.

    Raises StackError.
    """
    home = Home(Path(settings.data_dir).resolve())
    preflight.folders(home.folder)
    with locks.held(home.lock, wait=False) as ours:
        if not ours:
            raise AlreadyRunning(home.folder)
        home.begin("demo", program.http_url(settings))
        for former in home.folder.glob(f"{PREFIX}*"):  # of a demo that failed, kept until now to be looked at
            shutil.rmtree(former, ignore_errors=True)
        with progress.shown(console) as say:
            java = session.prepare(settings, say)
        data = Path(tempfile.mkdtemp(prefix=PREFIX, dir=home.folder))
        demo = _Demo(settings, home, data, console, leave)
        asyncio.run(session.until_signalled(demo.run(java)))
        if demo.code == 0:
            shutil.rmtree(data)
        else:
            console.print(f"Data and logs are kept in {data} until the next demo.", soft_wrap=True)
    return demo.code


class _Demo:
    """One demonstration; `code` is what it came to, also when Ctrl-C ended it."""

    def __init__(self, settings: Settings, home: Home, data: Path, console: Console, leave: bool) -> None:
        self.code = INTERRUPTED
        self._settings = settings
        self._home = home
        self._data = data
        self._console = console
        self._leave = leave

    async def run(self, java: Java | None) -> int:
        """Play it."""
        with progress.shown(self._console) as say:
            async with session.running(self._settings, self._home, self._data, say, "demo", java) as stack:
                await self._play(stack, say)
                if not self._leave:
                    say(Event("working", "everything keeps running; Ctrl-C stops it"))
                    await asyncio.Event().wait()
        return self.code

    async def _play(self, stack: Stack, say: Report) -> None:
        connector = aiohttp.TCPConnector(limit=0)  # as many connections as customers
        async with aiohttp.ClientSession(connector=connector) as http:
            client = Client(http, stack.url)
            token = await promotion.publish(client, stack.secrets["PROMO_ADMIN_TOKEN"])
            say(
                Event(
                    "done",
                    f"promotion: {promotion.PORTIONS} portions of {promotion.SKU}, open for 15 minutes",
                )
            )
            say(Event("working", f"{race.CUSTOMERS} customers order at once"))
            outcomes = await race.run(client)
            say(Event("done", f"{race.CUSTOMERS} customers have ordered"))
        say(Event("working", "reading the log"))
        written = await ledger.read(self._settings.bootstrap_servers)
        result = verdict.reach(outcomes, written, promotion.PORTIONS)
        report.show(self._console, result)
        report.show_pages(self._console, stack.url, token)
        self.code = 0 if result.clean else 1
