"""A stored record has a version and a schema; a release keeps the fields that only a newer one knows."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace

from streams.exactly_once.record_codec import (
    NewerStateError,
    RecordCodec,
    RecordVersions,
    UnreadableStateError,
)
from streams.exactly_once.staging import StagedTable
from tests.support.exactly_once.memory import MemoryStore


class Line(Struct, frozen=True, forbid_unknown_fields=True):
    sku: str
    price: int = 0


class Basket(Struct, frozen=True, omit_defaults=True):
    lines: list[Line] = []
    by_promotion: dict[str, Line] = {}
    last: Line | None = None
    total: int = 0


class NewerLine(Struct, frozen=True, forbid_unknown_fields=True):
    sku: str
    price: int = 0
    weight: int = 0


class NewerBasket(Struct, frozen=True, omit_defaults=True):
    lines: list[NewerLine] = []
    by_promotion: dict[str, NewerLine] = {}
    last: NewerLine | None = None
    total: int = 0
    held_back: int = 0
    note: dict[str, list[int]] = {}


OLD, NEWER = RecordCodec(Basket), RecordCodec(NewerBasket)
FULL = NewerBasket(
    [NewerLine("a", 1, 10), NewerLine("b", 2, 20), NewerLine("a", 3, 30)],
    {"p": NewerLine("a", 1, 10), "q": NewerLine("b", 2, 20)},
    NewerLine("b", 2, 20),
    total=6,
    held_back=5,
    note={"x": [1]},
)


def rewrite(raw: bytes, **changes: object) -> NewerBasket:
    """Let the older release change a record; return what the newer one then reads."""
    basket, kept = OLD.decode(raw)
    found = NEWER.decode(OLD.encode(replace(basket, **changes), kept))
    assert found.kept is None, "the newer release reads its own label"
    return found.record


def test_a_record_without_a_label_is_of_version_1():
    """Earlier releases wrote none, and read a labelled one: they ignore a field that they do not know."""
    basket = Basket([Line("a", 1)], total=1)
    bare = msgspec.json.encode(basket)
    assert OLD.decode(bare) == (basket, None)
    labelled = OLD.encode(basket, None)
    assert msgspec.json.decode(labelled, type=Basket) == basket
    assert OLD.decode(labelled) == (basket, None)
    assert OLD.decode(OLD.encode(Basket(), None)) == (Basket(), None)


def test_an_older_release_keeps_the_fields_that_it_does_not_know():
    """Fault 13: `held_back` was 0 after one write by a worker of the release before, without a word."""
    assert rewrite(NEWER.encode(FULL, None), total=7) == replace(FULL, total=7)


def test_members_keep_their_fields_where_the_list_changes():
    """They are recognised by their first field, and by the order of those that share it."""
    lines = [Line("b", 9), Line("c", 4), Line("a", 1)]
    found = rewrite(NEWER.encode(FULL, None), lines=lines)
    assert found.lines == [NewerLine("b", 9, 20), NewerLine("c", 4), NewerLine("a", 1, 10)]


def test_fields_of_a_member_that_is_gone_are_dropped():
    """They described something that no longer exists."""
    found = rewrite(NEWER.encode(FULL, None), by_promotion={"q": Line("b", 5)}, last=None)
    assert (found.by_promotion, found.last) == ({"q": NewerLine("b", 5, 20)}, None)


def test_the_older_release_recognises_what_it_has_rewritten():
    """Its own label would let the second write drop what the first one kept."""
    raw = NEWER.encode(FULL, None)
    for total in range(3):
        basket, kept = OLD.decode(raw)
        raw = OLD.encode(replace(basket, total=total), kept)
    assert NEWER.decode(raw).record == replace(FULL, total=2)


def test_a_record_of_an_older_schema_gets_the_label_of_this_release():
    """There is nothing to keep, so the next read is fast again."""
    basket, kept = NEWER.decode(OLD.encode(Basket(total=3), None))
    assert NEWER.encode(basket, kept) == NEWER.encode(NewerBasket(total=3), None)


def test_a_newer_version_is_not_read():
    """A version is for what must not be ignored."""
    newer = RecordCodec(Basket, RecordVersions(2, 2)).encode(Basket(total=1), None)
    for raw in (newer, b'{"$v":"1.0.0","total":1}', b'{"$v":7}', newer.replace(b'"2.', b'"9999999999.')):
        with pytest.raises(NewerStateError):
            OLD.decode(raw)


def test_a_version_is_read_by_the_release_before_it_is_written():
    """The two steps. What was stored as version 2 stays version 2 in the release that writes version 1."""
    reader, writer = RecordCodec(Basket, RecordVersions(1, 2)), RecordCodec(Basket, RecordVersions(2, 2))
    assert reader.encode(Basket(), None).startswith(b'{"$v":"1.')
    basket, kept = reader.decode(writer.encode(Basket(total=1), None))
    assert reader.encode(replace(basket, total=2), kept) == writer.encode(Basket(total=2), None)
    old, kept = writer.decode(reader.encode(Basket(), None))
    assert writer.encode(old, kept) == writer.encode(Basket(), None)


@pytest.mark.parametrize("raw", [b'{"total":"many"}', b'{"lines":[{}]}', b"{", b"[" * 10_000, b'"\xff"'])
def test_a_record_that_cannot_be_decoded_is_no_fault_of_the_command(raw):
    """Fault 13: a release that needed a field put every command of the restaurant into the dead letters."""
    with pytest.raises(UnreadableStateError):
        OLD.decode(raw)


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore()
    store.open("log")
    store.apply({b"t\0a": NEWER.encode(FULL, None)}, 1)
    return store


def test_a_record_is_kept_that_was_written_without_being_read(store):
    """No writer has to read first."""
    table = StagedTable("t", Basket, store)
    table.put("a", Basket(total=9))
    table.accept()
    [(_, raw)] = table.changes()
    assert NEWER.decode(raw).record == NewerBasket(total=9, held_back=5, note={"x": [1]})


def test_a_record_that_was_deleted_leaves_nothing_to_the_next_one(store):
    """Another life of the same key."""
    table = StagedTable("t", Basket, store)
    table.put("a", None)
    table.accept()
    table.put("a", Basket(total=9))
    table.accept()
    [(_, raw)] = table.changes()
    assert NEWER.decode(raw).record == NewerBasket(total=9)


@pytest.mark.parametrize("record", [Basket(), None])
def test_a_newer_version_is_neither_overwritten_nor_deleted(store, record):
    """Whoever writes it must know what it means."""
    store.apply({b"t\0a": RecordCodec(Basket, RecordVersions(2, 2)).encode(Basket(), None)}, 2)
    table = StagedTable("t", Basket, store)
    with pytest.raises(NewerStateError):
        table.put("a", record)
    assert list(table.changes()) == []


lines = st.builds(NewerLine, st.sampled_from("abc"), st.integers(0, 9), st.integers(0, 9))
baskets = st.builds(
    NewerBasket,
    st.lists(lines, max_size=4),
    st.dictionaries(st.sampled_from("pqr"), lines),
    st.none() | lines,
    st.integers(0, 9),
    st.integers(0, 9),
    st.dictionaries(st.text(max_size=2), st.lists(st.integers(), max_size=2), max_size=2),
)


@given(baskets, st.lists(st.integers(0, 99), min_size=1, max_size=5))
def test_two_releases_that_write_in_turn_lose_nothing(basket, totals):
    """A rolling deploy, a rollback, and the deploy after it."""
    raw = NEWER.encode(basket, None)
    for number, total in enumerate(totals):
        codec = NEWER if number % 2 else OLD
        record, kept = codec.decode(raw)
        raw = codec.encode(replace(record, total=total), kept)
        assert NEWER.decode(raw).record == replace(basket, total=total)
