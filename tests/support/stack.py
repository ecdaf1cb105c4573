"""Real servers for tests, started as the local stack starts them (compose/), on ports and in folders of the test."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from compose import ports, redis_server, subprocesses
from compose.kafka import broker, jars, java, readiness
from compose.progress import ProgressKind

START_SECONDS = 60.0
STOP_SECONDS = 15.0


class Server:
    """One server process. Start it from the main thread: it dies with the thread that starts it."""

    def __init__(
        self, command: Callable[[], list[str]], folder: Path, log: Path, answers: Callable[[], bool]
    ) -> None:
        self._command = command
        self._folder = folder
        self._log = log
        self._answers = answers
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def pid(self) -> int:
        """The process that runs now, or ran last."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it, and return once it answers."""
        with subprocesses.open_log(self._log) as log:
            self._process = subprocess.Popen(
                subprocesses.die_with_parent(self._command()),
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"{self._folder.name} did not start:\n{self._log.read_text()[-4000:]}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Ask it to end, and wait."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a crash would."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stop it where it runs, and start it again on the same data and port."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Let it hang, as a machine that is overloaded would."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        os.kill(self.pid, signal.SIGCONT)

    def _end(self, number: signal.Signals) -> None:
        assert self._process is not None
        with suppress(ProcessLookupError):
            self._process.send_signal(number)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Kafka(Server):
    """A broker; an existing `data_dir` keeps its data."""

    def __init__(self, data_dir: Path, port: int | None = None) -> None:
        runtime = java.find()
        jars.install(runtime, _say)
        self.port = ports.free_pair() if port is None else port
        self.bootstrap = f"{ports.LOOPBACK}:{self.port}"
        broker.prepare(data_dir, self.port)
        super().__init__(
            lambda: broker.command(runtime, quick_start=True),
            data_dir,
            data_dir / "kafka.log",
            lambda: readiness.is_up(self.bootstrap),
        )


class Redis(Server):
    """A Redis server; it keeps nothing when it ends."""

    def __init__(self, data_dir: Path, port: int | None = None) -> None:
        self.port = ports.any_free() if port is None else port
        self.url = f"redis://{ports.LOOPBACK}:{self.port}/0"
        data_dir.mkdir(parents=True, exist_ok=True)
        super().__init__(
            lambda: redis_server.command(self.port),
            data_dir,
            data_dir / "redis.log",
            lambda: redis_server.is_up(self.url),
        )


def start_kafka(data_dir: Path, port: int | None = None) -> Kafka:
    """Start a broker; it answers when this returns."""
    return Kafka(data_dir, port)


def start_redis(data_dir: Path, port: int | None = None) -> Redis:
    """Start a Redis server; it answers when this returns."""
    return Redis(data_dir, port)


def _say(kind: ProgressKind, text: str, exit_status: int = 0) -> None:
    print(text)
