"""Exporter: buffers the facts of each partition and writes them to files of one day each."""

from collections.abc import Iterable
from functools import partial

import pyarrow.parquet
from msgspec import Struct

from egress.export import columns
from egress.export.columns import FactRow
from egress.export.parquet_folder import ParquetFolder
from egress.kafka import decoding
from egress.kafka.records import OffsetRange, Partition, Record
from schemas import codec

#: Facts in one file.
MAX_ROWS = 50_000


class _Buffer(Struct):
    """Facts of one partition and day, in order, that are not in a file yet; `start` is the first offset of the file."""

    start: int
    day: str
    rows: list[FactRow] = []


class Exporter:
    """Writes records of fact topics to a folder, each fact once.

    Records of a partition are added in order, from `next_offset` on; earlier ones are skipped.
    """

    def __init__(self, folder: ParquetFolder, max_rows: int = MAX_ROWS) -> None:
        self._folder = folder
        self._max_rows = max_rows
        self._next_offsets = folder.next_offsets()
        self._buffers: dict[Partition, _Buffer] = {}
        self.written_facts = 0

    def next_offset(self, partition: Partition) -> int:
        """Return the first offset of a partition that is not in a file."""
        return self._next_offsets.get(partition, 0)

    def add(self, records: Iterable[Record]) -> None:
        """Buffer the facts of these records; raises NewerVersionError.

        Unreadable ones are skipped: the projector writes them to the dead-letter topic.
        """
        for record in records:
            if record.offset < self.next_offset(record.partition):
                continue
            try:
                fact = decoding.decode_fact(record)
            except decoding.UnreadableError:
                continue
            self._add(record, fact)

    def _add(self, record: Record, fact: Struct) -> None:
        day: str = getattr(fact, "occurred_at")[:10]  # noqa: B009  # every fact has the field; the classes share no base
        buffer = self._buffers.get(record.partition)
        if buffer is not None and (buffer.day != day or len(buffer.rows) >= self._max_rows):
            self._write(record.partition)
            buffer = None
        if buffer is None:
            buffer = self._buffers[record.partition] = _Buffer(self.next_offset(record.partition), day)
        header = codec.header(record.headers, "event-id")
        event_id = None if header is None else header.decode(errors="replace")
        buffer.rows.append(FactRow(record.partition.number, record.offset, event_id, fact))

    def flush(self) -> None:
        """Write all buffered facts to files."""
        for partition in list(self._buffers):
            self._write(partition)

    def _write(self, partition: Partition) -> None:
        buffer = self._buffers.pop(partition)
        end = buffer.rows[-1].offset + 1
        table = columns.table(decoding.FACT_CLASSES[partition.topic], buffer.rows)
        write = partial(pyarrow.parquet.write_table, table, compression="zstd")
        self._folder.write(OffsetRange(partition, buffer.start, end), buffer.day, write)
        self._next_offsets[partition] = end
        self.written_facts += len(buffer.rows)
