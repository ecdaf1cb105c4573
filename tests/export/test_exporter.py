"""Every fact once in the files, whatever happens between any two steps."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egress.export import columns
from egress.export.exporter import CLASSES, Exporter
from egress.export.folder import ExportError, Folder, Span
from egress.fact_log import Record
from egress.positions import Partition
from schemas import publish
from schemas.facts import Fact, PortionsMoved
from schemas.topics import FACT_TOPICS
from tests.egress.stories import RESTAURANT, Story, stories

PARTITION = 5


def records(facts: list[Fact], gap: int = 0) -> list[Record]:
    """The facts as they stand in their topics; `gap` offsets of each partition hold no record: transactions' ends."""
    ends: dict[str, int] = {}
    found = []
    for fact in facts:
        topic = FACT_TOPICS[type(fact)].name
        offset = ends.get(topic, 0) + gap
        ends[topic] = offset + 1
        headers = [("event-id", f"{topic}-{offset}".encode())]
        where = Partition(topic, PARTITION)
        found.append(Record(where, offset, msgspec.json.encode(fact), RESTAURANT.encode(), headers))
    return found


def read(folder: Path) -> list[dict[str, Any]]:
    """All rows of all files, each with its topic and the day of its folder."""
    rows = []
    for file in folder.glob("topic=*/day=*/*.parquet"):
        where = {
            "topic": file.parent.parent.name.removeprefix("topic="),
            "day": file.parent.name.removeprefix("day="),
        }
        rows.extend(row | where for row in pyarrow.parquet.ParquetFile(file).read().to_pylist())
    return rows


def told() -> Story:
    """A story with each kind of fact."""
    story = Story()
    story.put_restaurant()
    story.put_item()
    story.put_promotion()
    story.order(False)
    story.order(True, ("preparing", "out_for_delivery", "delivered"))
    story.order(True, ("cancelled", "refunded"))
    moved = msgspec.json.decode(publish.sample_paths(PortionsMoved)[-1].read_bytes(), type=PortionsMoved)
    story.facts.append(msgspec.structs.replace(moved, restaurant_id=RESTAURANT))
    return story


def test_every_fact_is_in_the_folder_of_its_topic_and_day(tmp_path: Path) -> None:
    """Partitioned by day and topic; what a fact says is what the row says."""
    asked = records(told().facts)
    exporter = Exporter(Folder(tmp_path))
    with Folder(tmp_path).owned():
        exporter.take(asked)
        exporter.flush()
    rows = {(row["topic"], row["kafka_offset"]): row for row in read(tmp_path)}
    assert len(rows) == len(asked) == exporter.written and {topic for topic, _ in rows} == set(CLASSES)
    for record in asked:
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


@pytest.mark.parametrize("cls", CLASSES.values(), ids=CLASSES)
def test_every_stored_sample_has_its_columns(cls: type[Any]) -> None:
    """A new field, or a new kind of fact, needs no change of the export."""
    fact = msgspec.json.decode(publish.sample_paths(cls)[-1].read_bytes(), type=cls)
    (row,) = columns.table(cls, [columns.Row(1, 2, "e", fact)]).to_pylist()
    assert set(row) == {"kafka_partition", "kafka_offset", "event_id"} | (
        set(cls.__struct_fields__) - columns.WITHHELD
    )


def test_no_personal_data_leaves(tmp_path: Path) -> None:
    """Names, addresses and phones stay where they can be forgotten."""
    with Folder(tmp_path).owned():
        exporter = Exporter(Folder(tmp_path))
        exporter.take(records(told().facts))
        exporter.flush()
    names = {name for row in read(tmp_path) for name in row}
    assert "customer_id" in names and not names & {"delivery_address", "customer", "personal"}
    assert all(b"Rua A" not in file.read_bytes() for file in tmp_path.rglob("*.parquet"))


def test_what_nobody_can_read_is_left_out_and_stops_nothing(tmp_path: Path) -> None:
    """Egress has set it aside: a dead letter is no fact."""
    good = records(told().facts)
    bad = [Record(good[0].partition, 100, b"{", b"r1"), Record(good[0].partition, 101, good[0].value, b"r2")]
    with Folder(tmp_path).owned():
        exporter = Exporter(Folder(tmp_path))
        exporter.take([*good, *bad])
        exporter.flush()
    assert len(read(tmp_path)) == len(good)


class CrashError(Exception):
    """The process ends here."""


class CrashingFolder(Folder):
    """Ends the process at the n-th step: before a file is aside, before it is in its place, right after."""

    def __init__(self, path: Path, step: int) -> None:
        super().__init__(path)
        self._left = step

    def _step(self) -> None:
        self._left -= 1
        if self._left == 0:
            raise CrashError

    def write(self, span: Span, day: str, write: Callable[[Path], None]) -> None:
        def writing(path: Path) -> None:
            path.write_bytes(b"half a file")
            self._step()
            write(path)
            self._step()

        super().write(span, day, writing)
        self._step()


@settings(max_examples=25, deadline=None)
@given(stories, st.lists(st.integers(1, 12), max_size=4), st.integers(1, 4), st.integers(0, 2), st.data())
def test_each_fact_is_there_once_after_any_crashes(
    story: Story, crashes: list[int], most: int, gap: int, data: st.DataObject
) -> None:
    """Exactly once per fact, resumable after kill -9 at any point."""
    asked = records(story.facts, gap)
    with TemporaryDirectory() as made:
        path = Path(made)
        for step in [*crashes, 0]:
            folder = CrashingFolder(path, step)
            with folder.owned():
                exporter = Exporter(folder, most)
                places = {r.partition: exporter.position(r.partition) for r in asked}
                again = data.draw(st.booleans())  # the log may give what was given before
                rest = [r for r in asked if again or r.offset >= places[r.partition]]
                cut = data.draw(st.integers(0, len(rest)))
                try:
                    exporter.take(rest[:cut])
                    exporter.flush()
                    exporter.take(rest[cut:])
                    exporter.flush()
                except CrashError:
                    continue
        found = sorted((row["topic"], row["kafka_offset"]) for row in read(path))
        assert found == sorted((r.partition.topic, r.offset) for r in asked)
        assert not list((path / ".unfinished").iterdir())


def test_a_fact_of_another_day_begins_a_file(tmp_path: Path) -> None:
    """A file is of one day, and ends where the next one begins: there is nothing to put right after a crash."""
    story = told()
    first = story.facts[0]
    facts = [
        msgspec.structs.replace(first, occurred_at=f"2026-01-0{day}T23:59:59.000Z") for day in (1, 1, 2, 1)
    ]
    with Folder(tmp_path).owned():
        exporter = Exporter(Folder(tmp_path))
        exporter.take(records(facts))
        exporter.flush()
    spans = sorted((span.start, span.end) for span in Folder(tmp_path).spans())
    assert spans == [(0, 2), (2, 3), (3, 4)]


def test_two_exports_into_one_folder_are_refused(tmp_path: Path) -> None:
    """The second would write everything a second time."""
    with (
        Folder(tmp_path).owned(),
        pytest.raises(ExportError, match="another export"),
        Folder(tmp_path).owned(),
    ):
        pass


def test_files_that_overlap_are_noticed(tmp_path: Path) -> None:
    """Somebody copied files: better no export than facts twice."""
    folder = Folder(tmp_path)
    with folder.owned():
        for start, end in ((0, 5), (3, 8)):
            folder.write(
                Span(Partition("order.created", 1), start, end), "2026-01-01", lambda path: path.touch()
            )
    with pytest.raises(ExportError, match="twice"):
        Exporter(folder)
