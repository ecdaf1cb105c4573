"""Samples the stack every two seconds: lag, staleness, commands in flight, CPU and processes."""

import asyncio
import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterable

from msgspec import Struct

from compose.supervisor import services
from compose.supervisor.stack_state import StackDir
from tests.support.process_usage import cpu_seconds

INTERVAL_SECONDS = 2.0
_METRIC = re.compile(
    r"^(promo_consumer_lag|promo_commands_in_flight|promo_view_staleness_seconds)(\{[^}]*\})? (\S+)$", re.M
)


class StackSample(Struct, frozen=True):
    """One sample of the stack."""

    at: float  # second of the window
    lag: dict[str, float]  # by consumer group, records
    in_flight: float  # commands
    staleness: float  # seconds
    cpu: dict[str, float]  # cores, by role
    processes: dict[str, int]  # by role


class StackMonitor:
    """Samples the stack until cancelled; `generators` are the pids of the load."""

    def __init__(self, directory: StackDir, url: str, begin_at: float, generators: list[int]) -> None:
        self.samples: list[StackSample] = []
        self._dir = directory
        self._metrics = f"{url}/metrics"
        self._begin_at = begin_at
        self._generators = generators
        self._used: dict[int, float] = {}  # CPU seconds by pid at the last sample
        self._sampled_at = 0.0

    async def run(self) -> None:
        """Sample every INTERVAL_SECONDS."""
        while True:
            await asyncio.sleep(INTERVAL_SECONDS)
            text = await asyncio.to_thread(services.fetch, self._metrics)
            if text is not None:
                self.samples.append(self._sample(text.decode()))

    def _sample(self, text: str) -> StackSample:
        values: defaultdict[str, dict[str, float]] = defaultdict(dict)
        for name, labels, value in _METRIC.findall(text):
            values[name][labels] = float(value)
        lag: Counter[str] = Counter()
        for labels, value in values["promo_consumer_lag"].items():
            group = re.search(r'group="([^"]*)"', labels)
            lag[group[1] if group else ""] += int(value)
        processes = self._dir.running_processes()
        return StackSample(
            at=time.time() - self._begin_at,
            lag=dict(lag),
            in_flight=sum(values["promo_commands_in_flight"].values()),
            staleness=sum(values["promo_view_staleness_seconds"].values()),
            cpu=self._cpu([(p.role, p.pid) for p in processes] + [("load", pid) for pid in self._generators]),
            processes=dict(Counter(process.role for process in processes)),
        )

    def _cpu(self, processes: Iterable[tuple[str, int]]) -> dict[str, float]:
        """Return the cores that each role has used since the last sample."""
        now, before = time.monotonic(), self._sampled_at
        self._sampled_at = now
        cores: defaultdict[str, float] = defaultdict(float)
        for role, pid in processes:
            used = cpu_seconds(pid)
            cores[role] += max(0.0, used - self._used.get(pid, used)) / (now - before)
            self._used[pid] = used
        return dict(cores)
