"""The exporter: collects the facts of each partition, and writes them down a day and a file at a time."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path

import pyarrow.parquet
from msgspec import Struct

from egress import fact_reading
from egress.export import columns
from egress.export.columns import Row
from egress.export.folder import Folder, Span
from egress.fact_log import Record
from egress.positions import Partition
from schemas import codec
from schemas.topics import FACT_TOPICS

#: Most facts in one file.
MOST = 50_000

CLASSES: dict[str, type[Struct]] = {topic.name: cls for cls, topic in FACT_TOPICS.items()}


class _Run:
    """Facts of one partition and one day, in their order, that are not in a file yet."""

    def __init__(self, start: int, day: str) -> None:
        self.start = start
        self.day = day
        self.rows: list[Row] = []


class Exporter:
    """Takes records of fact topics, each partition in its order and from its position."""

    def __init__(self, folder: Folder, most: int = MOST) -> None:
        """Take where to, and how many facts go into one file at most."""
        self._folder = folder
        self._most = most
        self._ends = folder.positions()
        self._runs: dict[Partition, _Run] = {}
        self.written = 0

    def position(self, partition: Partition) -> int:
        """Return the first offset that is not in a file."""
        return self._ends.get(partition, 0)

    def take(self, records: Iterable[Record]) -> None:
        """Collect the facts; what can be read by nobody has been set aside by egress, and is left out."""
        for record in records:
            if record.offset < self.position(record.partition):
                continue
            try:
                fact = fact_reading.read(record)
            except fact_reading.UnreadableError:
                continue
            if isinstance(fact, Struct):
                self._add(record, fact)

    def _add(self, record: Record, fact: Struct) -> None:
        day: str = getattr(fact, "occurred_at")[:10]  # noqa: B009  # every fact has it; its classes share no other base
        run = self._runs.get(record.partition)
        if run is not None and (run.day != day or len(run.rows) >= self._most):
            self._write(record.partition)
            run = None
        if run is None:
            run = self._runs[record.partition] = _Run(self.position(record.partition), day)
        event_id = codec.header(record.headers, "event-id")
        told = None if event_id is None else event_id.decode(errors="replace")
        run.rows.append(Row(record.partition.number, record.offset, told, fact))

    def flush(self) -> None:
        """Write down all that was taken."""
        for partition in list(self._runs):
            self._write(partition)

    def _write(self, partition: Partition) -> None:
        run = self._runs.pop(partition)
        end = run.rows[-1].offset + 1
        table = columns.table(CLASSES[partition.topic], run.rows)
        self._folder.write(Span(partition, run.start, end), run.day, partial(_parquet, table))
        self._ends[partition] = end
        self.written += len(run.rows)


def _parquet(table: pyarrow.Table, path: Path) -> None:
    pyarrow.parquet.write_table(table, path, compression="zstd")
