"""The whole stack: what is started in which order, scaled, and stopped."""

import asyncio
import os
import time
from collections.abc import Mapping
from pathlib import Path

from compose import ports, preflight, redis_server
from compose.errors import StackError, StartFailed, Unreachable
from compose.kafka import probe, topics
from compose.kafka.java import Java
from compose.progress import Event, Report
from compose.supervisor import program, shared_metrics
from compose.supervisor.keeper import Keeper
from compose.supervisor.program import Program
from compose.supervisor.state import Home, Purpose, State
from compose.supervisor.training import train_later
from schemas.settings import Settings

START_SECONDS = 120.0
STOP_SECONDS = 10.0


class Stack:
    """The processes of one data folder. `home` is where up, down and ps look; `data` is what the processes write."""

    def __init__(self, settings: Settings, home: Home, data: Path, report: Report, purpose: Purpose) -> None:
        self.url = program.http_url(settings)
        self.secrets = {
            "PROMO_ADMIN_TOKEN": preflight.secret(settings.admin_token, data / "admin-token"),
            "PROMO_TOKEN_SECRET": preflight.secret(settings.token_secret, data / "token-secret"),
            # 32 random bytes in base64url are a P-256 key, but for one in four thousand million
            "PROMO_VAPID_PRIVATE_KEY": preflight.secret(
                settings.vapid_private_key, data / "vapid-private-key"
            ),
            "PROMO_PRIVACY_SECRET": preflight.secret(settings.privacy_secret, data / "privacy-secret"),
        }
        self._settings = settings
        self._home = home
        self._data = data
        self._report = report
        self._purpose: Purpose = purpose
        self._keepers: dict[str, Keeper] = {}
        self._ready = False
        self._scaling = asyncio.Lock()
        self._training: asyncio.Task[None] | None = None
        self._publish()

    async def start(self, java: Java | None) -> None:
        """Start everything; returns when all of it does its work. `java` None: Kafka is someone else's.

        Raises StackError.
        """
        deadline = time.monotonic() + START_SECONDS
        shared_metrics.prepare(self._data)
        await asyncio.gather(self._start_kafka(java, deadline), self._start_redis(deadline))
        self._working("making topics")
        count = await topics.create(self._settings, self._settings.bootstrap_servers)
        self._report(Event("done", f"topics: {count}"))
        await self.scale(self._numbers(), deadline)
        await self._until_answered(deadline)
        if self._settings.edge:
            await self._start(program.edge(self._settings, self._data), deadline)
        self._ready = True
        self._publish()
        if java is not None:
            self._training = asyncio.create_task(train_later(java))

    async def scale(self, wanted: Mapping[str, int], deadline: float | None = None) -> None:
        """Bring each role to its number of processes; returns when new ones work and old ones are gone.

        Raises StackError.
        """
        deadline = time.monotonic() + START_SECONDS if deadline is None else deadline
        self._check(wanted)
        async with self._scaling:
            fresh = [
                self._add(role)
                for role, number in wanted.items()
                for _ in range(number - len(self._of(role)))
            ]
            surplus = [keeper for role, number in wanted.items() for keeper in self._of(role)[number:]]
            await asyncio.gather(
                *(self._until_ready(keeper, deadline) for keeper in fresh), self._remove(surplus)
            )

    async def stop(self) -> None:
        """Stop everything, whatever state it is in, and forget it."""
        if self._training is not None:
            self._training.cancel()
            await asyncio.wait([self._training])
        for role in ("edge", *reversed(program.ROLES), "redis", "kafka"):
            if keepers := self._of(role):
                self._working(f"stopping {role}")
                await self._remove(keepers)
        self._home.clear()

    async def _start_kafka(self, java: Java | None, deadline: float) -> None:
        if java is not None:
            await self._start(program.kafka(self._settings, self._data, java), deadline)
            return
        servers = self._settings.bootstrap_servers
        if not await asyncio.to_thread(probe.answers, servers):
            raise Unreachable("Kafka", servers, "PROMO_KAFKA_BOOTSTRAP_SERVERS")
        self._report(Event("done", f"kafka answers at {servers}"))

    async def _start_redis(self, deadline: float) -> None:
        if not self._settings.redis_url:
            await self._start(program.redis(self._settings, self._data), deadline)
            return
        if not await asyncio.to_thread(redis_server.answers, self._settings.redis):
            raise Unreachable("Redis", "the address given", "PROMO_REDIS_URL")  # which may hold a password
        self._report(Event("done", "redis answers at the address given"))

    async def _start(self, what: Program, deadline: float) -> None:
        await self._until_ready(self._keep(what), deadline)

    def _keep(self, what: Program) -> Keeper:
        keeper = self._keepers[what.name] = Keeper(what, self._publish, self._report, self._forget)
        keeper.start()
        return keeper

    def _forget(self, pid: int) -> None:
        shared_metrics.forget(self._data, pid)

    def _add(self, role: str) -> Keeper:
        number = len(self._of(role)) + 1
        taken = {keeper.program.ops_port for keeper in self._keepers.values()}
        port = ports.next_free(self._settings.ops_port, taken)
        return self._keep(program.member(role, number, port, self._settings, self._data, self.secrets))

    def _numbers(self) -> dict[str, int]:
        """Return how many processes of each role are started; someone else's payment provider needs none of ours."""
        numbers = {role: getattr(self._settings, role) for role in program.ROLES}
        return numbers | ({"payments": 0} if self._settings.provider_url else {})

    async def _until_ready(self, keeper: Keeper, deadline: float) -> None:
        started = time.monotonic()
        self._working(f"starting {keeper.program.name}")
        await keeper.until_ready(deadline)
        took = time.monotonic() - started
        self._report(Event("done", f"{keeper.program.name}: {keeper.program.url} ({took:.1f} s)"))

    async def _until_answered(self, deadline: float) -> None:
        address = f"{self.url}/health/ready"
        while self._of("ingress") and await asyncio.to_thread(program.get, address) is None:
            if time.monotonic() > deadline:
                raise StartFailed(
                    "ingress", f"does not answer at {address}", self._of("ingress")[0].program.log
                )
            await asyncio.sleep(0.05)

    async def _remove(self, keepers: list[Keeper]) -> None:
        await asyncio.gather(*(keeper.stop(STOP_SECONDS) for keeper in keepers))
        for keeper in keepers:
            del self._keepers[keeper.program.name]
        self._publish()

    def _of(self, role: str) -> list[Keeper]:
        """Return the keepers of a role, by number, which is the order they were added in."""
        return [keeper for keeper in self._keepers.values() if keeper.program.role == role]

    def _check(self, wanted: Mapping[str, int]) -> None:
        for role, number in wanted.items():
            if role not in program.ROLES:
                raise StackError(f"{role} cannot be scaled; these can: {', '.join(program.ROLES)}.")
            if number < 0:
                raise StackError(f"{role}={number}: give a number from 0 on.")
        if wanted.get("payments", 0) > 1:
            raise StackError(
                "at most one payment provider: it keeps one ledger (and its port, PROMO_PROVIDER_PORT)."
            )
        most = self._settings.reply_partitions
        if wanted.get("ingress", 0) > most:
            raise StackError(
                f"at most {most} ingress processes: each needs a partition for its replies (PROMO_REPLY_PARTITIONS)."
            )

    def _working(self, text: str) -> None:
        self._report(Event("working", text))

    def _publish(self) -> None:
        processes = [running for keeper in self._keepers.values() if (running := keeper.running)]
        self._home.write(State(os.getpid(), self._purpose, self.url, self._ready, processes))
