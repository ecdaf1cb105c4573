"""The export: every fact is in the files exactly once, also after crashes."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egress.command_error import CommandError
from egress.export import columns
from egress.export.exporter import Exporter
from egress.export.parquet_folder import ParquetFolder
from egress.kafka.decoding import FACT_CLASSES
from egress.kafka.records import OffsetRange, Partition, Record
from schemas.facts import Fact, PortionsMoved
from schemas.publication import json_schemas
from schemas.topics import FACT_TOPICS
from tests.support.egress.stories import RESTAURANT, Story, stories

PARTITION = 5


def records(facts: list[Fact], gap: int = 0) -> list[Record]:
    """The facts as records of their topics; between two are `gap` offsets without a record, as transactions leave them."""
    ends: dict[str, int] = {}
    result = []
    for fact in facts:
        topic = FACT_TOPICS[type(fact)].name
        offset = ends.get(topic, 0) + gap
        ends[topic] = offset + 1
        headers = [("event-id", f"{topic}-{offset}".encode())]
        value = msgspec.json.encode(fact)
        result.append(Record(Partition(topic, PARTITION), offset, value, RESTAURANT.encode(), headers))
    return result


def read(folder: Path) -> list[dict[str, Any]]:
    """All rows of all files, with the topic and day of their folders."""
    rows = []
    for file in folder.glob("topic=*/day=*/*.parquet"):
        folders = {
            "topic": file.parent.parent.name.removeprefix("topic="),
            "day": file.parent.name.removeprefix("day="),
        }
        rows.extend(row | folders for row in pyarrow.parquet.ParquetFile(file).read().to_pylist())
    return rows


def full_story() -> Story:
    """A story with every class of fact."""
    story = Story()
    story.put_restaurant()
    story.put_item()
    story.put_promotion()
    story.order(False)
    story.order(True, ("preparing", "out_for_delivery", "delivered"))
    story.order(True, ("cancelled", "refunded"))
    moved = msgspec.json.decode(json_schemas.sample_paths(PortionsMoved)[-1].read_bytes(), type=PortionsMoved)
    story.facts.append(msgspec.structs.replace(moved, restaurant_id=RESTAURANT))
    return story


def test_facts_are_partitioned_by_topic_and_day(tmp_path: Path) -> None:
    """A row has the values of its fact."""
    source = records(full_story().facts)
    exporter = Exporter(ParquetFolder(tmp_path))
    with ParquetFolder(tmp_path).locked():
        exporter.add(source)
        exporter.flush()
    rows = {(row["topic"], row["kafka_offset"]): row for row in read(tmp_path)}
    assert len(rows) == len(source) == exporter.written_facts and {topic for topic, _ in rows} == set(
        FACT_CLASSES
    )
    for record in source:
        fact = msgspec.json.decode(record.value or b"")
        row = rows[record.partition.topic, record.offset]
        assert row["kafka_partition"] == PARTITION and row["day"] == fact["occurred_at"][:10]
        assert row["event_id"] == f"{record.partition.topic}-{record.offset}"
        assert (
            row["occurred_at"].isoformat(timespec="milliseconds").replace("+00:00", "Z")
            == fact["occurred_at"]
        )
        for name in ("order_id", "items", "total", "refund", "reason", "wasted", "item"):
            if name in fact and name not in ("items", "item"):
                assert row[name] == fact[name]
        assert [line["sku"] for line in row.get("items") or ()] == [
            line["sku"] for line in fact.get("items", ())
        ]


@pytest.mark.parametrize("cls", FACT_CLASSES.values(), ids=FACT_CLASSES)
def test_every_sample_fits_the_columns(cls: type[Any]) -> None:
    """A new field or a new class of facts needs no change of the export."""
    fact = msgspec.json.decode(json_schemas.sample_paths(cls)[-1].read_bytes(), type=cls)
    (row,) = columns.table(cls, [columns.FactRow(1, 2, "e", fact)]).to_pylist()
    assert set(row) == {"kafka_partition", "kafka_offset", "event_id"} | (
        set(cls.__struct_fields__) - columns.EXCLUDED_FIELDS
    )


def test_personal_data_is_not_exported(tmp_path: Path) -> None:
    """Names, addresses and phones stay where they can be erased."""
    with ParquetFolder(tmp_path).locked():
        exporter = Exporter(ParquetFolder(tmp_path))
        exporter.add(records(full_story().facts))
        exporter.flush()
    names = {name for row in read(tmp_path) for name in row}
    assert "customer_id" in names and not names & {"delivery_address", "customer", "personal"}
    assert all(b"Rua A" not in file.read_bytes() for file in tmp_path.rglob("*.parquet"))


def test_unreadable_records_are_skipped(tmp_path: Path) -> None:
    """They are in the dead-letter topic, and are not facts."""
    good = records(full_story().facts)
    bad = [Record(good[0].partition, 100, b"{", b"r1"), Record(good[0].partition, 101, good[0].value, b"r2")]
    with ParquetFolder(tmp_path).locked():
        exporter = Exporter(ParquetFolder(tmp_path))
        exporter.add([*good, *bad])
        exporter.flush()
    assert len(read(tmp_path)) == len(good)


class CrashError(Exception):
    """Simulates a crash of the process."""


class CrashingFolder(ParquetFolder):
    """Crashes at the n-th step. A file has three: half written, written, renamed."""

    def __init__(self, path: Path, step: int) -> None:
        super().__init__(path)
        self._steps_left = step

    def _step(self) -> None:
        self._steps_left -= 1
        if self._steps_left == 0:
            raise CrashError

    def write(self, offsets: OffsetRange, day: str, write: Callable[[Path], None]) -> None:
        def write_with_steps(path: Path) -> None:
            path.write_bytes(b"half a file")
            self._step()
            write(path)
            self._step()

        super().write(offsets, day, write_with_steps)
        self._step()


@settings(max_examples=25, deadline=None)
@given(stories, st.lists(st.integers(1, 12), max_size=4), st.integers(1, 4), st.integers(0, 2), st.data())
def test_each_fact_is_exported_once_after_any_crashes(
    story: Story, crashes: list[int], max_rows: int, gap: int, data: st.DataObject
) -> None:
    """kill -9 at any step; Kafka may deliver records again."""
    source = records(story.facts, gap)
    with TemporaryDirectory() as directory:
        path = Path(directory)
        for step in [*crashes, 0]:
            folder = CrashingFolder(path, step)
            with folder.locked():
                exporter = Exporter(folder, max_rows)
                next_offsets = {r.partition: exporter.next_offset(r.partition) for r in source}
                repeats = data.draw(st.booleans())  # records before the next offset are delivered again
                delivered = [r for r in source if repeats or r.offset >= next_offsets[r.partition]]
                cut = data.draw(st.integers(0, len(delivered)))
                try:
                    exporter.add(delivered[:cut])
                    exporter.flush()
                    exporter.add(delivered[cut:])
                    exporter.flush()
                except CrashError:
                    continue
        found = sorted((row["topic"], row["kafka_offset"]) for row in read(path))
        assert found == sorted((r.partition.topic, r.offset) for r in source)
        assert not list((path / ".unfinished").iterdir())


def test_fact_of_another_day_begins_a_new_file(tmp_path: Path) -> None:
    """A file ends where the next one begins, so that no state needs repair after a crash."""
    story = full_story()
    first = story.facts[0]
    facts = [
        msgspec.structs.replace(first, occurred_at=f"2026-01-0{day}T23:59:59.000Z") for day in (1, 1, 2, 1)
    ]
    with ParquetFolder(tmp_path).locked():
        exporter = Exporter(ParquetFolder(tmp_path))
        exporter.add(records(facts))
        exporter.flush()
    ranges = sorted((r.start, r.end) for r in ParquetFolder(tmp_path).ranges())
    assert ranges == [(0, 2), (2, 3), (3, 4)]


def test_second_export_into_a_folder_is_rejected(tmp_path: Path) -> None:
    """It would write all facts again."""
    with (
        ParquetFolder(tmp_path).locked(),
        pytest.raises(CommandError, match="another export"),
        ParquetFolder(tmp_path).locked(),
    ):
        pass


def test_overlapping_files_raise_an_error(tmp_path: Path) -> None:
    """If files were copied, no export is better than repeated facts."""
    folder = ParquetFolder(tmp_path)
    with folder.locked():
        for start, end in ((0, 5), (3, 8)):
            folder.write(
                OffsetRange(Partition("order.created", 1), start, end),
                "2026-01-01",
                lambda path: path.touch(),
            )
    with pytest.raises(CommandError, match="twice"):
        Exporter(folder)
