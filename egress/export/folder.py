"""The folder of an export: its files are its only memory.

`topic=order.confirmed/day=2026-01-01/3-0000000000000000120-0000000000000000180.parquet` holds the
facts of partition 3 in [120, 180) of the topic, all of that day. A file appears whole or not at all
(written aside, synced, renamed), and the next one begins where it ends; so after any crash the
export goes on behind the last file of each partition, and no fact is there twice or missing.
"""

import contextlib
import fcntl
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from egress.positions import Partition

_NAME = re.compile(r"(\d+)-(\d+)-(\d+)\.parquet", re.ASCII)
_ASIDE = ".unfinished"
_LOCK = ".lock"


class ExportError(Exception):
    """Why nothing more is exported; the message says what to do."""


class Span(NamedTuple):
    """Offsets [start, end) of a partition."""

    partition: Partition
    start: int
    end: int


class Folder:
    """Writes files, and knows up to where."""

    def __init__(self, path: Path) -> None:
        """Take the folder; it is made when there is none."""
        self.path = path
        self._aside = path / _ASIDE

    @contextlib.contextmanager
    def owned(self) -> Iterator[None]:
        """Keep others out, and clear away what a crash has left; raises ExportError."""
        self._aside.mkdir(parents=True, exist_ok=True)
        with (self.path / _LOCK).open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ExportError(f"another export writes to {self.path}") from None
            for left in self._aside.iterdir():
                left.unlink()
            yield

    def positions(self) -> dict[Partition, int]:
        """Return behind which offset nothing of each partition is exported; raises ExportError."""
        ends: dict[Partition, int] = {}
        for span in sorted(self.spans()):
            if span.start < ends.get(span.partition, 0):
                raise ExportError(f"{self.path} holds offset {span.start} of {span.partition.field} twice")
            ends[span.partition] = span.end
        return ends

    def spans(self) -> Iterator[Span]:
        """Yield what each file holds."""
        for file in self.path.glob("topic=*/day=*/*.parquet"):
            if found := _NAME.fullmatch(file.name):
                number, start, end = map(int, found.groups())
                yield Span(Partition(file.parent.parent.name.removeprefix("topic="), number), start, end)

    def write(self, span: Span, day: str, write: Callable[[Path], None]) -> None:
        """Put a file in its place, whole."""
        name = f"{span.partition.number}-{span.start:019d}-{span.end:019d}.parquet"
        aside, target = self._aside / name, self.path / f"topic={span.partition.topic}" / f"day={day}" / name
        write(aside)
        with aside.open("rb") as written:
            os.fsync(written.fileno())
        target.parent.mkdir(parents=True, exist_ok=True)
        aside.rename(target)
        for folder in (target.parent, target.parent.parent, self.path):
            _sync(folder)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
