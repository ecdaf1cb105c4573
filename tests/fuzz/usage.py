"""What requests cost the ingress processes: processor time of each batch, and memory of the run."""

from collections.abc import Callable, Sequence
from pathlib import Path

import yaml

from tests.support import process_usage

MANIFEST = Path(__file__).parents[2] / "compose" / "kubernetes" / "ingress.yaml"
#: Most processor time of a request, in seconds, as the mean of its batch: the contract's longest step.
MAX_CPU_SECONDS = 0.02
_MIB = 1024 * 1024


def memory_limit() -> int:
    """Return the memory limit of an ingress container in bytes, by the manifest."""
    for resource in yaml.safe_load_all(MANIFEST.read_text()):
        if resource["kind"] == "Deployment":
            container = resource["spec"]["template"]["spec"]["containers"][0]
            return int(container["resources"]["limits"]["memory"].removesuffix("Mi")) * _MIB
    raise ValueError(f"no deployment in {MANIFEST}")


class IngressUsage:
    """Reads the usage of processes before and after a batch of requests."""

    def __init__(
        self,
        pids: Sequence[int],
        cpu_seconds: Callable[[int], float] = process_usage.cpu_seconds,
        resident_bytes: Callable[[int], int] = process_usage.resident_bytes,
    ) -> None:
        self._pids = pids
        self._cpu_seconds = cpu_seconds
        self._resident_bytes = resident_bytes
        self._max_bytes = memory_limit()
        self._used = self._total()
        #: The highest values of all batches: processor seconds of a request, and memory of a process in MiB.
        self.highest_cpu_seconds = 0.0
        self.highest_mib = 0

    def faults_of_batch(self, requests: int) -> list[str]:
        """Return what the requests since the last call have used too much of."""
        used = self._total()
        cpu_seconds, self._used = (used - self._used) / requests, used
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
