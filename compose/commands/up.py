"""python -m compose up: the stack in the background."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
from rich.console import Console

from compose import children, locks, preflight, progress
from compose.errors import AlreadyRunning, StackError, StartFailed
from compose.progress import Event, Report
from compose.supervisor.program import ROOT, get
from compose.supervisor.stack import START_SECONDS
from compose.supervisor.state import Home, State
from schemas.settings import Settings


def run(settings: Settings, console: Console) -> int:
    """Return once everything works. Raises StackError."""
    home = Home(Path(settings.data_dir).resolve())
    preflight.folders(home.folder)
    with progress.shown(console) as report:
        url = _join(home, report) if locks.is_held(home.lock) else _start(home, report)
    console.print(
        f"Ready: {url}   docs {url}/docs   logs {home.folder / 'logs'}   stop: make down", soft_wrap=True
    )
    return 0


def _join(home: Home, report: Report) -> str:
    """Wait for the stack that runs already; returns its URL."""
    report(Event("note", f"a stack already runs in {home.folder}"))
    deadline = time.monotonic() + START_SECONDS
    while locks.is_held(home.lock) and time.monotonic() < deadline:
        state = home.read()
        if state is not None and state.purpose != "up":
            raise AlreadyRunning(home.folder)
        if state is not None and state.ready and _answers(state):
            return state.url
        time.sleep(0.1)
    raise StartFailed("the stack that already runs", "is not healthy; make down, then make up", home.log)


def _answers(state: State) -> bool:
    serving = any(process.role == "ingress" for process in state.processes)
    return not serving or get(f"{state.url}/health/ready") is not None


def _start(home: Home, report: Report) -> str:
    """Start a supervisor, show its progress, return its URL."""
    reading, writing = os.pipe()
    command = [sys.executable, "-m", "compose", "supervise", "--report-fd", str(writing)]
    with children.log_file(home.log) as log:
        supervisor = subprocess.Popen(
            command,
            cwd=ROOT,
            env=children.environment({"PROMO_DATA_DIR": str(home.folder)}),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[writing],
            start_new_session=True,  # it outlives this shell and its terminal
        )
    os.close(writing)
    try:
        with os.fdopen(reading, "rb") as events:
            for line in events:
                event = msgspec.json.decode(line, type=Event)
                if event.kind == "ready":
                    return event.text
                if event.kind == "failed":
                    raise StackError(event.text)
                report(event)
    except BaseException:  # Ctrl-C as well: nothing stays behind half started
        supervisor.send_signal(signal.SIGTERM)
        supervisor.wait()
        raise
    raise StartFailed("the supervisor", "ended unexpectedly", home.log)
