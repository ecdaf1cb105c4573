"""One contract for both local stores, and what only a disk can do to one."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.exactly_once import rocksdb_store
from streams.exactly_once.ports import StoreError
from streams.exactly_once.rocksdb_store import RocksDBStore
from tests.support.exactly_once.memory import MemoryStore


@pytest.fixture(params=["memory", "rocksdb"])
def store(request, tmp_path: Path):
    made = MemoryStore() if request.param == "memory" else RocksDBStore(tmp_path / "p0")
    yield made
    made.close()


def test_new_store_is_empty(store):
    """So everything is replayed."""
    assert store.open("log") is False
    assert (store.changelog_offset, store.get(b"a")) == (0, None)


def test_changes_and_offset_survive_together(store):
    """One WriteBatch."""
    store.open("log")
    store.apply({b"a": b"1", b"b": b"2"}, 5)
    store.apply({b"a": None}, 9)
    store.close()
    assert store.open("log") is True
    assert (store.changelog_offset, store.get(b"a"), store.get(b"b")) == (9, None, b"2")


def test_a_store_of_another_log_starts_empty(store):
    """Rule 6: never trusted."""
    store.open("log")
    store.apply({b"a": b"1"}, 5)
    store.close()
    assert store.open("another") is False
    assert (store.changelog_offset, store.get(b"a")) == (0, None)


def test_a_wiped_store_is_empty_and_usable(store):
    """After a changelog that ends before the store's offset."""
    store.open("log")
    store.apply({b"a": b"1"}, 5)
    store.wipe()
    assert (store.changelog_offset, store.get(b"a")) == (0, None)
    store.apply({b"b": b"2"}, 1)
    assert store.get(b"b") == b"2"


@pytest.fixture
def filled(tmp_path: Path) -> RocksDBStore:
    store = RocksDBStore(tmp_path / "p0")
    store.open("log")
    for i in range(500):
        store.apply({b"k%d" % i: b"v" * 100}, i + 1)
    store.close()
    return store


@pytest.fixture
def damaged_live(tmp_path: Path) -> Iterator[RocksDBStore]:
    """An open store whose table files a disk has damaged since; nothing of them is cached."""
    store = RocksDBStore(tmp_path / "p0")
    store.open("log")
    for i in range(500):
        store.apply({b"k%03d" % i: os.urandom(400)}, i + 1)
    store.close()
    store.open("log")  # writes what was in the log to a table file
    for table in (tmp_path / "p0").glob("*.sst"):
        content = bytearray(table.read_bytes())
        for place in range(0, len(content) // 2, 64):
            content[place] ^= 0xFF
        table.write_bytes(content)
    yield store
    store.close()


def test_a_damaged_block_is_an_error_of_the_store(damaged_live):
    """Not of the message that reads it: the processor rebuilds the store."""
    with pytest.raises(StoreError):
        [damaged_live.get(b"k%03d" % i) for i in range(500)]


def test_a_scan_over_a_damaged_block_is_no_short_scan(damaged_live):
    """RocksDB's iterator just ends there: timers would never be due."""
    with pytest.raises(StoreError):
        list(damaged_live.scan(b"k", b"l"))


def test_a_damaged_store_can_be_wiped_while_its_error_is_handled(damaged_live):
    """The traceback of a failed scan must not keep the database open."""
    try:
        list(damaged_live.scan(b"k", b"l"))
    except StoreError:
        damaged_live.wipe()
    assert damaged_live.get(b"k000") is None


@pytest.mark.parametrize("damage", ["MANIFEST-*", "CURRENT", "*.log"])
def test_a_damaged_store_is_empty_or_an_earlier_state(filled, tmp_path, damage):
    """Truncated or missing files: never a state that the log did not have, and always with its own offset."""
    for file in (tmp_path / "p0").glob(damage):
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    filled.open("log")
    offset = filled.changelog_offset
    assert (filled.get(b"k%d" % (offset - 1)) is not None) == (offset > 0)
    assert filled.get(b"k%d" % offset) is None
    filled.close()


def test_an_old_copy_continues_from_its_own_offset(filled, tmp_path):
    """An old copy is a true prefix; the changelog has the rest."""
    shutil.copytree(tmp_path / "p0", tmp_path / "old")
    filled.open("log")
    filled.apply({b"new": b"1"}, 501)
    filled.close()
    restored = RocksDBStore(tmp_path / "old")
    assert restored.open("log") is True
    assert (restored.changelog_offset, restored.get(b"new")) == (500, None)
    restored.close()


def test_a_copy_older_than_the_deletions_is_rebuilt(filled, monkeypatch):
    """A tombstone may be compacted away by then, and its key would reappear."""
    monkeypatch.setattr(rocksdb_store, "MAX_AGE_SECONDS", -60)
    assert filled.open("log") is False
    filled.close()
