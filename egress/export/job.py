"""Export job: copies facts from Kafka to a folder, up to the current end or continuously."""

import asyncio
import signal
import time
from pathlib import Path

from egress.command_error import CommandError
from egress.export.exporter import Exporter
from egress.export.parquet_folder import ParquetFolder
from egress.kafka.consumers import AllPartitionsConsumer
from egress.kafka.decoding import FACT_CLASSES
from egress.kafka.records import Partition
from schemas.runtime.kafka_sessions import started
from schemas.settings import Settings


async def export(settings: Settings, path: Path, until_end: bool, flush_interval_seconds: float) -> int:
    """Export facts and return their number; raises CommandError, KafkaError.

    Args:
        until_end: stop at the current end of the topics; otherwise run until SIGTERM or SIGINT.
        flush_interval_seconds: interval between two files of a partition.
    """
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    folder = ParquetFolder(path)
    with folder.locked():
        exporter = Exporter(folder)
        consumer = AllPartitionsConsumer(
            settings.kafka, FACT_CLASSES, settings.partitions, auto_offset_reset="none"
        )
        async with started(consumer):
            ends = await _seek(consumer, exporter)
            flushed_at = time.monotonic()
            while not stop.is_set() and not (until_end and await consumer.has_reached(ends)):
                exporter.add(await consumer.read())
                if time.monotonic() >= flushed_at + flush_interval_seconds:
                    exporter.flush()
                    flushed_at = time.monotonic()
        exporter.flush()
    return exporter.written_facts


async def _seek(consumer: AllPartitionsConsumer, exporter: Exporter) -> dict[Partition, int]:
    """Seek to the end of the files and return the ends of the topics; raises CommandError if files and topics differ."""
    partitions = consumer.assigned()
    beginnings, ends = await consumer.beginnings(partitions), await consumer.ends(partitions)
    positions = {partition: exporter.next_offset(partition) for partition in partitions}
    for partition, position in positions.items():
        if position > ends[partition]:
            raise CommandError(
                f"{partition.field} ends at offset {ends[partition]}, but the files end at {position}: "
                "they belong to another Kafka. Export into another folder."
            )
        if beginnings[partition] > position:
            raise CommandError(
                f"{partition.field} begins at offset {beginnings[partition]}: the facts from {position} on are deleted."
            )
    consumer.seek(positions)
    return ends
