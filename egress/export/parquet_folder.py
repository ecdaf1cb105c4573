"""The folder of an export. Its file names are the only record of how far the export is.

`topic=order.confirmed/day=2026-01-01/3-0000000000000000120-0000000000000000180.parquet` has the facts of
partition 3 with offsets in [120, 180), all of one day. A file is written elsewhere, synced and renamed, so
it appears complete or not at all. The next file begins where it ends. After a crash the export resumes at the
end of the last file of each partition, so no fact is missing or repeated.
"""

import contextlib
import fcntl
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from egress.command_error import CommandError
from egress.kafka.records import OffsetRange, Partition

_NAME = re.compile(r"(\d+)-(\d+)-(\d+)\.parquet", re.ASCII)
_UNFINISHED = ".unfinished"
_LOCK = ".lock"


class ParquetFolder:
    """The files of an export."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._unfinished = path / _UNFINISHED

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the folder, which is created if missing, and remove unfinished files; raises CommandError if it is locked."""
        self._unfinished.mkdir(parents=True, exist_ok=True)
        with (self.path / _LOCK).open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise CommandError(f"another export writes to {self.path}") from None
            for file in self._unfinished.iterdir():
                file.unlink()
            yield

    def next_offsets(self) -> dict[Partition, int]:
        """Return the first offset of each partition that is not exported; raises CommandError if files overlap."""
        ends: dict[Partition, int] = {}
        for exported in sorted(self.ranges()):
            if exported.start < ends.get(exported.partition, 0):
                raise CommandError(
                    f"{self.path} has offset {exported.start} of {exported.partition.field} twice"
                )
            ends[exported.partition] = exported.end
        return ends

    def ranges(self) -> Iterator[OffsetRange]:
        """Yield the offsets in each file."""
        for file in self.path.glob("topic=*/day=*/*.parquet"):
            if match := _NAME.fullmatch(file.name):
                number, start, end = map(int, match.groups())
                topic = file.parent.parent.name.removeprefix("topic=")
                yield OffsetRange(Partition(topic, number), start, end)

    def write(self, offsets: OffsetRange, day: str, write: Callable[[Path], None]) -> None:
        """Create the file of these offsets and this day with `write`, atomically."""
        (topic, number), start, end = offsets
        name = f"{number}-{start:019d}-{end:019d}.parquet"
        unfinished, target = self._unfinished / name, self.path / f"topic={topic}" / f"day={day}" / name
        write(unfinished)
        with unfinished.open("rb") as file:
            os.fsync(file.fileno())
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished.rename(target)
        for folder in (target.parent, target.parent.parent, self.path):
            _sync(folder)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
