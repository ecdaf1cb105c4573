"""promo up: the stack in the background."""

import os
import signal
import subprocess
import sys
import time

import msgspec
from rich.console import Console

from compose import file_locks, preflight, progress, subprocesses
from compose.errors import AlreadyRunning, CommandFailed, OtherAdminToken, StartFailed
from compose.progress import ProgressEvent, Report
from compose.supervisor import admin_token
from compose.supervisor.services import ROOT, fetch
from compose.supervisor.stack import START_TIMEOUT_SECONDS
from compose.supervisor.stack_state import StackDir, StackState
from schemas.settings import Settings

POLL_INTERVAL_SECONDS = 0.1


def run(settings: Settings, console: Console) -> int:
    """Return once everything works. Raises StackError."""
    stack_dir = StackDir.of(settings)
    preflight.check_folders(stack_dir.folder)
    with progress.show_progress(console) as report:
        if file_locks.is_locked(stack_dir.lock):
            report("note", f"a stack already runs in {stack_dir.folder}")
            url = _wait_for_running(stack_dir, settings.admin_token)
        else:
            url = _start(stack_dir, report)
    logs = stack_dir.folder / "logs"
    console.print(f"Ready: {url}   docs {url}/docs   logs {logs}   stop: make down", soft_wrap=True)
    console.print(f"Admin token: {_admin_token_source(settings, stack_dir)}", soft_wrap=True)
    return 0


def _admin_token_source(settings: Settings, stack_dir: StackDir) -> str:
    """Return where the administrator's token is, never the token itself."""
    if settings.admin_token:
        return "the value of PROMO_ADMIN_TOKEN"
    state, file = stack_dir.read_state(), stack_dir.admin_token
    if file.exists() and admin_token.are_accepted(file.read_text(), state.admin_tokens if state else []):
        return f"in {file}"
    return "the PROMO_ADMIN_TOKEN that this stack was started with"


def _wait_for_running(stack_dir: StackDir, token: str) -> str:
    """Wait until the running stack works, and return its URL. Raises StackError."""
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while file_locks.is_locked(stack_dir.lock) and time.monotonic() < deadline:
        state = stack_dir.read_state()
        if state is not None and state.purpose != "up":
            raise AlreadyRunning(stack_dir.folder)
        if state is not None and state.ready and _is_serving(state):
            if not admin_token.are_accepted(token, state.admin_tokens):
                raise OtherAdminToken(stack_dir.folder)
            return state.url
        time.sleep(POLL_INTERVAL_SECONDS)
    raise StartFailed("the running stack", "does not work: make down, then make up", stack_dir.log)


def _is_serving(state: StackState) -> bool:
    has_ingress = any(process.role == "ingress" for process in state.processes)
    return not has_ingress or fetch(f"{state.url}/health/ready") is not None


def _start(stack_dir: StackDir, report: Report) -> str:
    """Start a supervisor, report its progress, and return the URL of its stack. Raises StackError."""
    reading, writing = os.pipe()
    command = [sys.executable, "-m", "compose", "supervise", "--report-fd", str(writing)]
    with subprocesses.open_log(stack_dir.log) as log:
        supervisor = subprocess.Popen(
            command,
            cwd=ROOT,
            env=subprocesses.child_environment({"PROMO_DATA_DIR": str(stack_dir.folder)}),
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
                event = msgspec.json.decode(line, type=ProgressEvent)
                if event.kind == "ready":
                    return event.text
                if event.kind == "failed":
                    raise CommandFailed(event.text, event.exit_status)
                report(event.kind, event.text)
    except BaseException:  # Ctrl-C too: a half started stack is stopped
        supervisor.send_signal(signal.SIGTERM)
        supervisor.wait()
        raise
    raise StartFailed("the supervisor", "ended unexpectedly", stack_dir.log)
