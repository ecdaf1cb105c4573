"""The whole stack: the order in which its services start, scale and stop."""

import asyncio
import os
import time
from collections.abc import Mapping
from pathlib import Path

from compose import ports, preflight, redis_server
from compose.errors import SettingsRejected, StartFailed, Unreachable
from compose.kafka import readiness, topics
from compose.kafka.java import Java
from compose.progress import Report
from compose.supervisor import admin_token, scaling_bounds, services, shared_metrics
from compose.supervisor.cache_warmup import build_cache_when_idle
from compose.supervisor.process import SupervisedProcess
from compose.supervisor.services import Service
from compose.supervisor.stack_state import Purpose, StackDir, StackState
from schemas.settings import Settings

START_TIMEOUT_SECONDS = 120.0
STOP_TIMEOUT_SECONDS = 10.0
POLL_INTERVAL_SECONDS = 0.05

#: Settings whose value is a file of the data folder where they are empty. Of random values the push key is one too: 32
#: bytes in base64url are a P-256 key, but for one in four thousand million.
SECRETS = ("admin_token", "token_secret", "webhook_secret", "privacy_secret", "vapid_private_key")


class Stack:
    """The processes of one data folder.

    Args:
        stack_dir: where up, down, ps and scale find this stack.
        data: where its processes write; another folder for each demo.
    """

    def __init__(
        self, settings: Settings, stack_dir: StackDir, data: Path, report: Report, purpose: Purpose
    ) -> None:
        self.url = services.http_url(settings)
        self.secrets = {
            f"PROMO_{name.upper()}": preflight.load_or_create_secret(
                getattr(settings, name), data / name.replace("_", "-")
            )
            for name in SECRETS
        }
        self._admin_tokens = admin_token.fingerprints(self.secrets["PROMO_ADMIN_TOKEN"])
        self._settings = settings
        self._stack_dir = stack_dir
        self._data = data
        self._report = report
        self._purpose: Purpose = purpose
        self._processes: dict[str, SupervisedProcess] = {}
        self._ready = False
        self._scaling = asyncio.Lock()
        self._cache_build: asyncio.Task[None] | None = None
        self._publish_state()

    async def start(self, java: Java | None) -> None:
        """Start everything and wait until all of it works; `java` None: the settings name an existing Kafka.

        Raises StackError.
        """
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        shared_metrics.prepare(self._data)
        await asyncio.gather(self._start_kafka(java, deadline), self._start_redis(deadline))
        self._report("working", "creating topics")
        count = await topics.create(self._settings)
        self._report("done", f"topics: {count}")
        await self.scale(scaling_bounds.initial_counts(self._settings), deadline)
        await self._wait_for_http(deadline)
        if self._settings.edge_enabled:
            await self._start(services.edge(self._settings, self._data), deadline)
        self._ready = True
        self._publish_state()
        if java is not None:
            self._cache_build = asyncio.create_task(build_cache_when_idle(java))

    async def scale(self, counts: Mapping[str, int], deadline: float | None = None) -> None:
        """Bring each role to its number of processes; returns when new ones work and old ones have ended.

        Raises StackError.
        """
        deadline = time.monotonic() + START_TIMEOUT_SECONDS if deadline is None else deadline
        scaling_bounds.check(counts, self._settings)
        async with self._scaling:
            added = [
                self._add(role)
                for role, count in counts.items()
                for _ in range(count - len(self._processes_of(role)))
            ]
            surplus = [
                process for role, count in counts.items() for process in self._processes_of(role)[count:]
            ]
            await asyncio.gather(
                *(self._wait_until_ready(process, deadline) for process in added), self._remove(surplus)
            )

    async def stop(self) -> None:
        """Stop everything, whatever its state, and remove the state file."""
        if self._cache_build is not None:
            self._cache_build.cancel()
            await asyncio.wait([self._cache_build])
        for role in ("edge", *reversed(scaling_bounds.ROLES), "redis", "kafka"):
            if processes := self._processes_of(role):
                self._report("working", f"stopping {role}")
                await self._remove(processes)
        self._stack_dir.clear()

    async def _start_kafka(self, java: Java | None, deadline: float) -> None:
        if java is not None:
            await self._start(services.kafka(self._settings, self._data, java), deadline)
            return
        servers = self._settings.kafka.bootstrap_servers
        if not await asyncio.to_thread(readiness.is_up, servers):
            raise Unreachable("Kafka", servers, "PROMO_KAFKA_BOOTSTRAP_SERVERS")
        self._report("done", f"kafka: {servers} (PROMO_KAFKA_BOOTSTRAP_SERVERS)")

    async def _start_redis(self, deadline: float) -> None:
        if not self._settings.redis_url:
            await self._start(services.redis(self._settings, self._data), deadline)
            return
        # the URL may have a password, so no message shows it
        if not await asyncio.to_thread(redis_server.is_up, self._settings.redis):
            raise Unreachable("Redis", "that address", "PROMO_REDIS_URL")
        self._report("done", "redis: PROMO_REDIS_URL")

    async def _start(self, service: Service, deadline: float) -> None:
        await self._wait_until_ready(self._supervise(service), deadline)

    def _supervise(self, service: Service) -> SupervisedProcess:
        process = SupervisedProcess(service, self._publish_state, self._report, self._remove_metrics)
        self._processes[service.name] = process
        process.start()
        return process

    def _remove_metrics(self, pid: int) -> None:
        shared_metrics.remove_process(self._data, pid)

    def _add(self, role: str) -> SupervisedProcess:
        number = len(self._processes_of(role)) + 1
        reserved = {process.service.ops_port for process in self._processes.values()}
        reserved |= {port for each in preflight.required_ports(self._settings) for port in each.all}
        port = ports.next_free(self._settings.ops_port, reserved)
        return self._supervise(
            services.role_service(role, number, port, self._settings, self._data, self.secrets)
        )

    async def _wait_until_ready(self, process: SupervisedProcess, deadline: float) -> None:
        service, started_at = process.service, time.monotonic()
        self._report("working", f"starting {service.name}")
        try:
            await process.wait_until_ready(deadline)
        except SettingsRejected:
            await self._remove([process])
            raise
        seconds = time.monotonic() - started_at
        self._report("done", f"{service.name}: {service.url} ({seconds:.1f} s)")

    async def _wait_for_http(self, deadline: float) -> None:
        address = f"{self.url}/health/ready"
        while self._processes_of("ingress") and await asyncio.to_thread(services.fetch, address) is None:
            if time.monotonic() > deadline:
                log = self._processes_of("ingress")[0].service.log
                raise StartFailed("ingress", f"does not answer at {address}", log)
            await asyncio.sleep(POLL_INTERVAL_SECONDS)

    async def _remove(self, processes: list[SupervisedProcess]) -> None:
        await asyncio.gather(*(process.stop(STOP_TIMEOUT_SECONDS) for process in processes))
        for process in processes:
            self._processes.pop(process.service.name, None)
        self._publish_state()

    def _processes_of(self, role: str) -> list[SupervisedProcess]:
        """Return the processes of a role by number, the order in which they were added."""
        return [process for process in self._processes.values() if process.service.role == role]

    def _publish_state(self) -> None:
        running = [info for process in self._processes.values() if (info := process.info)]
        self._stack_dir.write_state(
            StackState(os.getpid(), self._purpose, self.url, self._ready, running, self._admin_tokens)
        )
