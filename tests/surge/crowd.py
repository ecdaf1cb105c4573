"""All generators of a run, as processes of their own."""

import asyncio
import sys
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from compose import subprocesses
from compose.supervisor.services import ROOT
from tests.surge.generator import Counted, Orders, Seen
from tests.surge.profile import Profile
from tests.surge.tally import Tally

#: Reads and orders a second that one process can be trusted with beside all else on the machine.
READS_EACH = 4_000.0
ORDERS_EACH, PASSERS_BY_EACH = 800.0, 3_000.0
#: Readers have connections of their own: with few, who waits for one would wait for the others' answers.
CONNECTIONS = {"reads": 512, "orders": 1024}
#: A line holds a second's histograms.
LINE_BYTES = 2**20


class Crowd:
    """Starts generators for a profile, and adds up what they count."""

    def __init__(
        self,
        url: str,
        profile: Profile,
        begin_at: float,
        folder: Path,
        *,
        seed: int = 1,
        insist: bool = True,
        name: str = "",
    ) -> None:
        self.tally = Tally()
        self.pids: list[int] = []
        self._files: list[Path] = []
        self._told: list[Orders] = []
        where = urlsplit(url)
        for kind, each in (
            ("reads", READS_EACH),
            ("orders", ORDERS_EACH if insist else PASSERS_BY_EACH),
        ):
            most = max(getattr(phase, kind) for phase in profile.phases)
            processes = -int(-most // each)
            for number in range(processes):
                named = f"{name}{kind}-{number}"
                self._files.append(folder / f"{kind}-{number}.seen")
                self._told.append(
                    Orders(
                        kind=kind,  # type: ignore[arg-type]
                        name=named,
                        host=where.hostname or "",
                        port=where.port or 80,
                        profile=profile,
                        share=1 / processes,
                        begin_at=begin_at,
                        seed=seed,
                        seen=str(self._files[-1]),
                        connections=CONNECTIONS[kind],
                        insist=insist,
                    )
                )

    async def run(self) -> None:
        """Return when all are done; raises RuntimeError where one failed."""
        await asyncio.gather(*(self._generate(told) for told in self._told))

    def seen(self) -> Seen:
        """Return what all have seen."""
        whole = Seen()
        for file in self._files:
            one = msgspec.msgpack.decode(file.read_bytes(), type=Seen)
            whole.asked += one.asked
            whole.reads += one.reads
            whole.unread += one.unread
        whole.asked.sort(key=lambda asked: asked.at)
        return whole

    async def _generate(self, told: Orders) -> None:
        process = await asyncio.create_subprocess_exec(
            *subprocesses.die_with_parent([sys.executable, "-m", "tests.surge.generator"]),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd=ROOT,
            limit=LINE_BYTES,
        )
        self.pids.append(process.pid)
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(msgspec.json.encode(told))
        process.stdin.close()
        async for line in process.stdout:
            self.tally.add(msgspec.json.decode(line, type=Counted))
        if code := await process.wait():
            raise RuntimeError(f"the generator {told.name} ended with {code}")
