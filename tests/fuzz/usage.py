"""What requests cost the ingress processes: processor time of each batch, and memory of the run."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import yaml

from tests.support import process_usage

MANIFEST = Path(__file__).parents[2] / "compose" / "kubernetes" / "ingress.yaml"
#: Most processor time of a request, in seconds, as the mean of its batch: the contract's longest step.
MAX_CPU_SECONDS = 0.02
#: For how long the processes are watched before the first request, in seconds.
IDLE_SECONDS = 5.0
_MIB = 1024 * 1024


def memory_limit() -> int:
    """Return the memory limit of an ingress container in bytes, by the manifest."""
    for resource in yaml.safe_load_all(MANIFEST.read_text()):
        if resource["kind"] == "Deployment":
            container = resource["spec"]["template"]["spec"]["containers"][0]
            return int(container["resources"]["limits"]["memory"].removesuffix("Mi")) * _MIB
    raise ValueError(f"no deployment in {MANIFEST}")


async def measure_idle_share(
    pids: Sequence[int], cpu_seconds: Callable[[int], float] = process_usage.cpu_seconds
) -> float:
    """Return the processor seconds that the processes use in a second without requests."""
    before = sum(map(cpu_seconds, pids))
    await asyncio.sleep(IDLE_SECONDS)
    return (sum(map(cpu_seconds, pids)) - before) / IDLE_SECONDS


class IngressUsage:
    """Reads the usage of processes before and after a batch of requests.

    A batch that waits for a slow reply takes seconds; what the processes use in that time without any request is not
    counted for its requests.
    """

    def __init__(
        self,
        pids: Sequence[int],
        idle_share: float = 0.0,
        cpu_seconds: Callable[[int], float] = process_usage.cpu_seconds,
        resident_bytes: Callable[[int], int] = process_usage.resident_bytes,
    ) -> None:
        self._pids = pids
        self._idle_share = idle_share
        self._cpu_seconds = cpu_seconds
        self._resident_bytes = resident_bytes
        self._max_bytes = memory_limit()
        self._used = self._total()
        #: The highest values of all batches: processor seconds of a request, and memory of a process in MiB.
        self.highest_cpu_seconds = 0.0
        self.highest_mib = 0

    def start(self) -> None:
        """Begin: what was used until now is not counted for any batch."""
        self._used = self._total()

    def faults_of_batch(self, requests: int, seconds: float) -> list[str]:
        """Return what the requests since the last call, which took this long, have used too much of."""
        used = self._total()
        cpu_seconds = (used - self._used - self._idle_share * seconds) / requests
        self._used = used
        resident = max(map(self._resident_bytes, self._pids))
        self.highest_cpu_seconds = max(self.highest_cpu_seconds, cpu_seconds)
        self.highest_mib = max(self.highest_mib, resident // _MIB)
        faults = []
        if cpu_seconds > MAX_CPU_SECONDS:
            faults.append(f"{cpu_seconds * 1000:.0f} ms of processor time for each of {requests} requests")
        if resident > self._max_bytes:
            faults.append(f"{resident // _MIB} MiB of memory")
        return faults

    def _total(self) -> float:
        return sum(map(self._cpu_seconds, self._pids))
