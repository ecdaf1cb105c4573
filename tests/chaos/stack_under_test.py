"""The stack under test: its processes, extra members that the campaign starts, and links that can be cut or delayed."""

import asyncio
import itertools
import os
import signal
from collections.abc import Callable
from pathlib import Path

import aiohttp
from msgspec import Struct

from compose import ports, subprocesses
from compose.kafka import readiness
from compose.supervisor import control, services
from compose.supervisor.stack_state import RunningProcess, StackDir
from ingress.commands.client import MAX_FINDS, PRIORITY_LIMIT_FACTOR
from tests.chaos.extra_process import ExtraProcess
from tests.chaos.proxy import Proxy
from tests.e2e.stack import Stack

#: Short, so that some reservations expire while the provider hangs.
RESERVATION_SECONDS = 12
#: How long a key lives: longer than most retries take, and short enough that customers come back after it.
KEY_SECONDS = 45
#: Processes of each role.
SIZE = {"streams": 3, "ingress": 2, "egress": 1}
#: The same as settings of the stack.
PROCESSES = {f"{role}_processes": number for role, number in SIZE.items()}
#: Commands in flight of one ingress process: few enough that clients who do not wait would pass it.
MAX_IN_FLIGHT_COMMANDS = 40
SETTINGS = PROCESSES | {
    "max_in_flight_commands": MAX_IN_FLIGHT_COMMANDS,
    "reservation_seconds": RESERVATION_SECONDS,
    "idempotency_ttl_seconds": KEY_SECONDS,
}
#: Commands whose write a broker that stands still did not acknowledge: they count for 10 s, and may be written later.
MAX_UNCERTAIN = MAX_IN_FLIGHT_COMMANDS
#: Orders that are paid online have a bound of their own, commands on admitted orders may use more, and look-ups have
#: theirs.
MAX_IN_FLIGHT = 2 * PRIORITY_LIMIT_FACTOR * MAX_IN_FLIGHT_COMMANDS + MAX_FINDS + MAX_UNCERTAIN
#: What the extra members have in common with the stack.
SHARED_SETTINGS = ("PROMO_ESCROW_", "PROMO_IDEMPOTENCY_")
#: A stack that has not recovered by then counts as stuck.
RECOVERY_TIMEOUT_SECONDS = 60.0
WAIT_TIMEOUT_SECONDS = 10.0


class RevokedToken(Struct, frozen=True):
    """A restaurant's token, and when it was revoked, in the time of time.monotonic()."""

    restaurant: str
    token: str
    revoked_at: float


class StackUnderTest:
    """A running stack, with a proxy before the broker and one before Redis for extra members."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.folder: Path = stack.data_dir
        self.extras: list[ExtraProcess] = []
        self.is_hot = False  # whether the load prefers one restaurant
        self.do_customers_return = False  # whether many customers come back with an expired key
        self.revoked_tokens: list[RevokedToken] = []
        self.broker_link = Proxy(ports.any_free(), ports.any_free())
        self.redis_link = Proxy(ports.any_free(), stack.redis_port)
        self._dir = StackDir(stack.data_dir)
        self._numbers = itertools.count(81)

    async def start(self) -> None:
        """Start the proxies; give the broker a second listener, which advertises the address of its proxy."""
        await self.broker_link.start()
        await self.redis_link.start()
        settings = self.folder / "kafka" / "broker.properties"
        settings.write_text(settings.read_text() + _second_listener(self.stack.bootstrap, self.broker_link))
        broker = self.running("kafka")[0]
        os.kill(broker.pid, signal.SIGKILL)
        await self.wait_until(
            lambda: readiness.is_up(self.stack.bootstrap),
            "the broker does not start again",
            RECOVERY_TIMEOUT_SECONDS,
        )
        await self.wait_until_recovered()

    async def stop(self) -> None:
        """Kill the extra members and close the proxies; the stack itself continues."""
        for extra in self.extras:
            extra.kill()
        self.broker_link.stop()
        self.redis_link.stop()

    def running(self, role: str) -> list[RunningProcess]:
        """Return the live supervised processes of a role."""
        return [process for process in self._dir.running_processes() if process.role == role]

    def state_folder(self, instance: str) -> Path:
        """Return the folder of a worker's local store."""
        return self.folder / "state" / instance

    async def scale(self, **wanted: int) -> None:
        """Scale as `make scale` does. Raises RuntimeError if it fails."""
        reply = await asyncio.to_thread(control.request_scale, self._dir, wanted)
        if reply.error is not None:
            raise RuntimeError(reply.error)

    def start_extra(
        self, role: str, *, predecessor: ExtraProcess | None = None, **environment: str
    ) -> ExtraProcess:
        """Start one more member of a role, under the name of a predecessor if there is one."""
        instance = predecessor.name if predecessor else f"{role}-{next(self._numbers)}"
        variables = self._provider_settings(role) | {
            "PROMO_KAFKA_BOOTSTRAP_SERVERS": self.stack.bootstrap,
            "PROMO_REDIS_URL": f"redis://{ports.LOOPBACK}:{self.stack.redis_port}/0",
            # all workers must agree on the bucket of a key, or it is decided twice, and on how long it lives
            **{k: v for k, v in self.stack.environment.items() if k.startswith(SHARED_SETTINGS)},
            **environment,
        }
        self.extras.append(ExtraProcess(role, instance, self.folder, variables))
        return self.extras[-1]

    def _provider_settings(self, role: str) -> dict[str, str]:
        """Return what a process needs that calls the payment provider."""
        if role != "egress":
            return {}
        return {
            "PROMO_PROVIDER_PORT": self.stack.environment["PROMO_PROVIDER_PORT"],
            "PROMO_PROVIDER_TOKEN_FILE": str(self.folder / "provider-token"),
        }

    async def wait_until_ended(self, process: RunningProcess) -> None:
        """Return once the process has ended; the supervisor then starts a successor."""
        await self.wait_until(
            lambda: not subprocesses.is_alive(process.pid), f"{process.name} does not end", 15.0
        )

    async def wait_until_recovered(self) -> None:
        """Return once every process of the stack runs and reports ready. Raises TimeoutError."""

        def is_recovered() -> bool:
            processes = self._dir.running_processes()
            if {role: sum(p.role == role for p in processes) for role in SIZE} != SIZE:
                return False
            return all(services.reports_ready(_metrics_url(p)) for p in processes if p.role in SIZE)

        await self.wait_until(is_recovered, "the stack does not recover", RECOVERY_TIMEOUT_SECONDS)

    async def wait_until(
        self, condition: Callable[[], bool], failure: str, seconds: float = WAIT_TIMEOUT_SECONDS
    ) -> None:
        """Poll a condition, which may block. Raises TimeoutError with the message `failure`."""
        deadline = asyncio.get_running_loop().time() + seconds
        while not await asyncio.to_thread(condition):
            if asyncio.get_running_loop().time() > deadline:
                raise TimeoutError(failure)
            await asyncio.sleep(0.1)


def client_session() -> aiohttp.ClientSession:
    """Return a session for many customers; it keeps connections briefly, so that they spread over the processes."""
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=2.0)
    return aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(15.0))


def _metrics_url(process: RunningProcess) -> str:
    """Return the URL of a process's own metrics: ingress processes share the public port."""
    try:
        variables = Path(f"/proc/{process.pid}/environ").read_bytes().split(b"\0")
    except OSError:  # it has ended
        return process.url
    prefix = b"PROMO_OPS_PORT="
    port = next((v.removeprefix(prefix).decode() for v in variables if v.startswith(prefix)), None)
    # None: it has ended, or has not started yet
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
