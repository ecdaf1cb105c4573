"""What the faults can reach: the stack's processes, workers of our own beside them, the network between."""

import asyncio
import itertools
import os
import signal
from collections.abc import Callable
from pathlib import Path

import aiohttp

from compose import ports, subprocesses
from compose.kafka import readiness
from compose.supervisor import control, services
from compose.supervisor.stack_state import RunningProcess, StackDir
from tests.chaos.extra import Extra
from tests.chaos.proxy import Proxy
from tests.e2e.stack import Stack

#: What the campaign runs with.
SIZE = {"streams": 3, "ingress": 2, "egress": 1}
#: The same as settings of the stack.
PROCESSES = {f"{role}_processes": number for role, number in SIZE.items()}
#: Reservations short enough that some run out while the provider hangs.
RESERVATION_SECONDS = 20
#: Seconds after which a stack that has not come back is stuck.
PATIENCE = 60.0
NEWS_SECONDS = 10.0


class World:
    """The stack under test."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.folder: Path = stack.data_dir
        self.extras: list[Extra] = []
        self.hot = False  # the load gives one restaurant most of the traffic
        self.broker_link = Proxy(ports.any_free(), ports.any_free())
        self.redis_link = Proxy(ports.any_free(), stack.redis_port)
        self._home = StackDir(stack.data_dir)
        self._numbers = itertools.count(81)

    async def start(self) -> None:
        """Lay the links; the broker gets a second listener, whose advertised address is the proxy's."""
        await self.broker_link.start()
        await self.redis_link.start()
        settings = self.folder / "kafka" / "broker.properties"
        settings.write_text(settings.read_text() + _second_listener(self.stack.bootstrap, self.broker_link))
        broker = self.running("kafka")[0]
        os.kill(broker.pid, signal.SIGKILL)
        await self.until(
            lambda: readiness.is_up(self.stack.bootstrap), "the broker is not started again", PATIENCE
        )
        await self.recovered()

    async def stop(self) -> None:
        """End what is ours."""
        for extra in self.extras:
            extra.kill()
        self.broker_link.stop()
        self.redis_link.stop()

    def running(self, role: str) -> list[RunningProcess]:
        """Return the supervised processes of a role that live now."""
        return [process for process in self._home.running_processes() if process.role == role]

    def state_of(self, instance: str) -> Path:
        """Return the folder of a worker's local stores."""
        return self.folder / "state" / instance

    async def scale(self, **wanted: int) -> None:
        """As `make scale`; raises RuntimeError."""
        answer = await asyncio.to_thread(control.request_scale, self._home, wanted)
        if answer.error is not None:
            raise RuntimeError(answer.error)

    def extra(self, role: str, *, again: Extra | None = None, **environment: str) -> Extra:
        """Start one more member of a role, or one that was before, anew."""
        instance = again.name if again else f"{role}-{next(self._numbers)}"
        surroundings = {
            "PROMO_KAFKA_BOOTSTRAP_SERVERS": self.stack.bootstrap,
            "PROMO_REDIS_URL": f"redis://{ports.LOOPBACK}:{self.stack.redis_port}/0",
            # where a key falls is a matter of all workers: one that thinks otherwise decides it twice
            **{k: v for k, v in self.stack.environment.items() if k.startswith("PROMO_ESCROW_")},
            **environment,
        }
        self.extras.append(Extra(role, instance, self.folder, surroundings))
        return self.extras[-1]

    async def ended(self, process: RunningProcess) -> None:
        """Return once it has ended; the supervisor starts another in its place."""
        await self.until(lambda: not subprocesses.is_alive(process.pid), f"{process.name} does not end", 15.0)

    async def recovered(self) -> None:
        """Return once every process of the stack is there and does its work; raises TimeoutError."""

        def well() -> bool:
            here = self._home.running_processes()
            if {role: sum(p.role == role for p in here) for role in SIZE} != SIZE:
                return False
            return all(services.reports_ready(_metrics_of(p)) for p in here if p.role in SIZE)

        await self.until(well, "the stack does not recover", PATIENCE)

    async def until(self, condition: Callable[[], bool], what: str, seconds: float = NEWS_SECONDS) -> None:
        """Wait for a condition, which may block; raises TimeoutError, saying what was waited for."""
        deadline = asyncio.get_running_loop().time() + seconds
        while not await asyncio.to_thread(condition):
            if asyncio.get_running_loop().time() > deadline:
                raise TimeoutError(what)
            await asyncio.sleep(0.1)


def client_session() -> aiohttp.ClientSession:
    """Return a session of many customers; connections are kept briefly, so that they spread over the processes."""
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=2.0)
    return aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(15.0))


def _metrics_of(process: RunningProcess) -> str:
    """Return where a process shows its own metrics: ingress processes share the other port."""
    try:
        surroundings = Path(f"/proc/{process.pid}/environ").read_bytes().split(b"\0")
    except OSError:  # it has ended
        return process.url
    mark = b"PROMO_OPS_PORT="
    port = next((s.removeprefix(mark).decode() for s in surroundings if s.startswith(mark)), None)
    # none: it has ended, or is about to begin
    return process.url if port is None else f"http://{ports.LOOPBACK}:{port}/metrics"


def _second_listener(bootstrap: str, link: Proxy) -> str:
    controller = int(bootstrap.rpartition(":")[2]) + 1
    return "\n".join(
        [
            "",
            f"listeners=PLAINTEXT://{bootstrap},LINK://{ports.LOOPBACK}:{link.target},"
            f"CONTROLLER://{ports.LOOPBACK}:{controller}",
            f"advertised.listeners=PLAINTEXT://{bootstrap},LINK://{ports.LOOPBACK}:{link.port}",
            "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,LINK:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "",
        ]
    )
