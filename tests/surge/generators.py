"""The load generators of a run, each a process of its own."""

import asyncio
import sys
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from compose import subprocesses
from compose.supervisor.services import ROOT
from tests.surge.generator import Counts, GeneratorObservations, GeneratorTask
from tests.surge.profile import Profile
from tests.surge.tally import Tally

#: Reads a second that one generator can hold on a shared machine.
MAX_READS_EACH = 4_000.0
#: Orders a second: with retrying and with one-shot customers.
MAX_ORDERS_EACH, MAX_ONE_SHOT_ORDERS_EACH = 800.0, 3_000.0
#: With too few connections, a request would wait for the responses to others.
CONNECTIONS = {"reads": 512, "orders": 1024}
#: A line has the histograms of one second.
MAX_LINE_BYTES = 2**20


class LoadGenerators:
    """Starts the generators for a profile, and adds up their counts in `tally`."""

    def __init__(
        self,
        url: str,
        profile: Profile,
        begin_at: float,
        folder: Path,
        *,
        seed: int = 1,
        with_retries: bool = True,
        name: str = "",
    ) -> None:
        self.tally = Tally()
        self.pids: list[int] = []
        self._files: list[Path] = []
        self._tasks: list[GeneratorTask] = []
        address = urlsplit(url)
        for kind, max_each in (
            ("reads", MAX_READS_EACH),
            ("orders", MAX_ORDERS_EACH if with_retries else MAX_ONE_SHOT_ORDERS_EACH),
        ):
            peak = max(getattr(phase, kind) for phase in profile.phases)
            processes = -int(-peak // max_each)
            for number in range(processes):
                self._files.append(folder / f"{kind}-{number}.seen")
                self._tasks.append(
                    GeneratorTask(
                        kind=kind,  # type: ignore[arg-type]
                        name=f"{name}{kind}-{number}",
                        host=address.hostname or "",
                        port=address.port or 80,
                        profile=profile,
                        share=1 / processes,
                        begin_at=begin_at,
                        seed=seed,
                        seen=str(self._files[-1]),
                        connections=CONNECTIONS[kind],
                        with_retries=with_retries,
                    )
                )

    async def run(self) -> None:
        """Return when all generators are done. Raises RuntimeError if one fails."""
        await asyncio.gather(*(self._generate(task) for task in self._tasks))

    def observations(self) -> GeneratorObservations:
        """Return the observations of all generators, the attempts in order of time."""
        whole = GeneratorObservations()
        for file in self._files:
            one = msgspec.msgpack.decode(file.read_bytes(), type=GeneratorObservations)
            whole.attempts += one.attempts
            whole.reads += one.reads
            whole.failed_reads += one.failed_reads
        whole.attempts.sort(key=lambda attempt: attempt.at)
        return whole

    async def _generate(self, task: GeneratorTask) -> None:
        process = await asyncio.create_subprocess_exec(
            *subprocesses.die_with_parent([sys.executable, "-m", "tests.surge.generator"]),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd=ROOT,
            limit=MAX_LINE_BYTES,
        )
        self.pids.append(process.pid)
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(msgspec.json.encode(task))
        process.stdin.close()
        async for line in process.stdout:
            self.tally.add(msgspec.json.decode(line, type=Counts))
        if code := await process.wait():
            raise RuntimeError(f"the generator {task.name} ended with {code}")
