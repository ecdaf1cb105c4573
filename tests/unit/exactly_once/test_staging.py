"""Staged writes: only the batch sees them."""

import pytest

from streams.exactly_once.staging import StagedTable
from tests.support.exactly_once.counting import Count, stored
from tests.support.exactly_once.memory import MemoryStore


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore()
    store.open("log")
    store.apply({b"t\0a": b'{"n":1}'}, 1)
    return store


@pytest.fixture
def table(store: MemoryStore) -> StagedTable[Count]:
    return StagedTable("t", Count, store)


def test_a_batch_reads_its_own_writes(table, store):
    """Rule 2: the store does not change before the commit."""
    table.put("a", Count(2))
    table.accept()
    table.put("b", Count(7))
    assert (table["a"], table["b"], "c" in table) == (Count(2), Count(7), False)
    assert store.get(b"t\0a") == b'{"n":1}'


def test_a_rejected_message_leaves_no_writes(table):
    """The writes of the messages before it stay."""
    table.put("a", Count(2))
    table.accept()
    table.put("a", Count(3))
    table.put("b", Count(1))
    table.reject()
    assert (table["a"], table.get("b")) == (Count(2), None)


def test_a_dropped_batch_leaves_the_store_as_it_was(table):
    """Rule 3: any error drops the staged writes."""
    table.put("a", Count(2))
    table.accept()
    table.drop()
    assert (table["a"], dict(table.changes())) == (Count(1), {})


def test_each_key_is_written_once_with_its_last_value(table):
    """A hot key costs one changelog record a batch."""
    for n in (2, 3, 4):
        table.put("a", Count(n))
        table.accept()
    assert dict(table.changes()) == {b"t\0a": stored(4)}


def test_a_deletion_is_seen_and_written_as_a_tombstone(table):
    """None deletes."""
    table.put("a", None)
    table.accept()
    assert ("a" in table, dict(table.changes())) == (False, {b"t\0a": None})
    with pytest.raises(KeyError):
        table["a"]
