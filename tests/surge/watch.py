"""A watch over the stack while it works: lag, staleness, undecided orders, CPU and processes, every two seconds."""

import asyncio
import os
import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

from compose.supervisor import services
from compose.supervisor.stack_state import StackDir

EVERY_SECONDS = 2.0
_TICKS = os.sysconf("SC_CLK_TCK")
_SAMPLE = re.compile(r"^(promo_consumer_lag|promo_commands_in_flight|promo_view_staleness_seconds)(\{[^}]*\})? (\S+)$", re.M)  # fmt: skip


class Look(Struct, frozen=True):
    """What one look showed."""

    at: float  # second of the window
    lag: dict[str, float]  # by consumer group, records
    undecided: float
    staleness: float  # seconds
    cpu: dict[str, float]  # cores, by role
    processes: dict[str, int]  # by role


class Watch:
    """Looks on until cancelled."""

    def __init__(self, home: StackDir, url: str, begin_at: float, generators: list[int]) -> None:
        self.looks: list[Look] = []
        self._home = home
        self._metrics = f"{url}/metrics"
        self._begin_at = begin_at
        self._generators = generators
        self._used: dict[int, float] = {}
        self._looked_at = 0.0

    async def look_on(self) -> None:
        """Look every two seconds."""
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            text = await asyncio.to_thread(services.fetch, self._metrics)
            if text is not None:
                self.looks.append(self._look(text.decode()))

    def _look(self, text: str) -> Look:
        values: defaultdict[str, dict[str, float]] = defaultdict(dict)
        for name, labels, value in _SAMPLE.findall(text):
            values[name][labels] = float(value)
        lag: Counter[str] = Counter()
        for labels, value in values["promo_consumer_lag"].items():
            group = re.search(r'group="([^"]*)"', labels)
            lag[group[1] if group else ""] += int(value)
        here = self._home.running_processes()
        return Look(
            at=time.time() - self._begin_at,
            lag=dict(lag),
            undecided=sum(values["promo_commands_in_flight"].values()),
            staleness=sum(values["promo_view_staleness_seconds"].values()),
            cpu=self._cpu([(p.role, p.pid) for p in here] + [("load", pid) for pid in self._generators]),
            processes=dict(Counter(process.role for process in here)),
        )

    def _cpu(self, processes: Iterable[tuple[str, int]]) -> dict[str, float]:
        """Return the cores that each role has used since the last look."""
        now, before = time.monotonic(), self._looked_at
        self._looked_at = now
        cores: defaultdict[str, float] = defaultdict(float)
        for role, pid in processes:
            used = cpu_seconds(pid)
            cores[role] += max(0.0, used - self._used.get(pid, used)) / (now - before)
            self._used[pid] = used
        return dict(cores)


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process has used; 0 where there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS
