"""Exporting: facts read from Kafka and written to a folder, to the end or for ever."""

import asyncio
import signal
import time
from collections.abc import Mapping
from pathlib import Path

from aiokafka import AIOKafkaConsumer, TopicPartition

from egress.export.exporter import CLASSES, Exporter
from egress.export.folder import ExportError, Folder
from egress.kafka_fact_log import records_of
from egress.positions import Partition
from schemas.letting_go import let_go
from schemas.settings import Settings

#: How long one read waits for records, in milliseconds.
POLL_MS = 500


async def export(settings: Settings, into: Path, until_end: bool, every: float) -> int:
    """Export, until the end of the topics as it is now, or until told to stop; returns how many facts.

    `every`: seconds after which what has come is written down. Raises ExportError, KafkaError.
    """
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    folder = Folder(into)
    with folder.owned():
        exporter = Exporter(folder)
        consumer = AIOKafkaConsumer(
            bootstrap_servers=settings.bootstrap_servers,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="none",
        )
        await consumer.start()
        try:
            partitions = [
                TopicPartition(topic, number) for topic in CLASSES for number in range(settings.partitions)
            ]
            consumer.assign(partitions)
            ends = await _place(consumer, partitions, exporter)
            await _pump(consumer, exporter, ends if until_end else None, every, stop)
        finally:
            await let_go(consumer.stop())
        exporter.flush()
    return exporter.written


async def _place(
    consumer: AIOKafkaConsumer, partitions: list[TopicPartition], exporter: Exporter
) -> Mapping[TopicPartition, int]:
    """Go on where the files end; returns the ends of the topics. Raises ExportError where they do not fit."""
    beginnings = await consumer.beginning_offsets(partitions)
    ends: Mapping[TopicPartition, int] = await consumer.end_offsets(partitions)
    for tp in partitions:
        position = exporter.position(Partition(tp.topic, tp.partition))
        if position > ends[tp]:
            raise ExportError(
                f"{tp.topic}/{tp.partition} ends at {ends[tp]}, before the {position} of the files: "
                "they are of another Kafka. Export into another folder."
            )
        if beginnings[tp] > position:
            raise ExportError(
                f"{tp.topic}/{tp.partition} begins at {beginnings[tp]}: facts from {position} on are gone."
            )
        consumer.seek(tp, position)
    return ends


async def _pump(
    consumer: AIOKafkaConsumer,
    exporter: Exporter,
    ends: Mapping[TopicPartition, int] | None,
    every: float,
    stop: asyncio.Event,
) -> None:
    flushed = time.monotonic()
    while not stop.is_set():
        if ends is not None and all([await consumer.position(tp) >= end for tp, end in ends.items()]):
            return
        exporter.take(records_of(await consumer.getmany(timeout_ms=POLL_MS)))
        if time.monotonic() >= flushed + every:
            exporter.flush()
            flushed = time.monotonic()
