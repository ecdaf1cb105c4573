"""Cursors, by keys that never change and by keys that do."""

import base64

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.http import cursors
from ingress.http.cursors import MAX_MARKS, Cursor, Key
from ingress.http.problems import Problem

keys = st.lists(st.tuples(st.integers(-3, 3), st.text("ab", max_size=2)), unique=True).map(sorted)
cuts = st.sampled_from(["cut", "cut_unseen"])


def cut(which: str, entries: list[Key], cursor: Cursor | None, limit: int) -> tuple[list[Key], Cursor | None]:
    """Return a page of entries that are their own keys and names."""
    if which == "cut":
        page, following = cursors.page_after(entries, lambda key: key, cursor, limit)
    else:
        page, following = cursors.page_of_unseen(entries, lambda key: key, repr, cursor, limit)
    return list(page), following


def walk(which: str, entries: list[Key], limit: int) -> list[list[Key]]:
    """Return all pages, following cursors as a client does."""
    result: list[list[Key]] = []
    written: str | None = None
    while True:
        page, following = cut(which, entries, cursors.decode_cursor(written, "price", (int, str)), limit)
        result.append(page)
        written = cursors.encode_cursor("price", following)
        if written is None:
            return result


@given(cuts, keys, st.integers(1, 4))
def test_pages_cover_everything_once(which: str, entries: list[Key], limit: int) -> None:
    """A client that follows the cursors to the end sees each entry exactly once, in order."""
    walked = walk(which, entries, limit)
    assert [key for page in walked for key in page] == entries
    assert all(len(page) == limit for page in walked[:-1])


@given(cuts, keys, st.integers(1, 4))
def test_cursor_promises_a_next_page(which: str, entries: list[Key], limit: int) -> None:
    """Only the last page has no cursor, and no page but a single one is empty."""
    assert all(walk(which, entries, limit)) or not entries


@given(keys, keys, st.integers(1, 4))
def test_changes_between_pages_move_nothing_else(before: list[Key], after: list[Key], limit: int) -> None:
    """Entries that stay are neither skipped nor repeated."""
    first, following = cut("cut", before, None, limit)
    if following is None:
        return
    rest, _ = cut("cut", after, following, len(after) + 1)
    stayed = set(before) & set(after)
    seen = [key for key in [*first, *rest] if key in stayed]
    assert sorted(seen) == sorted(set(seen)) and set(seen) >= {key for key in stayed if key > following.after}


def test_long_cursor_falls_back_to_the_last_key() -> None:
    """The longest cursor fits into the line of a request, 8 KiB, with room for the rest of it."""
    entries: list[Key] = [(n, "sku") for n in range(MAX_MARKS + 250)]
    assert [key for page in walk("cut_unseen", entries, 100) for key in page] == entries
    _, following = cut("cut_unseen", entries, None, MAX_MARKS)
    assert following is not None and len(following.marks) == MAX_MARKS
    assert len(cursors.encode_cursor("price", following) or "") < 4200


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"x",
        b"null",
        msgspec.msgpack.encode(["price", 1]),
        msgspec.msgpack.encode(["name", [1, "a"], b""]),
        msgspec.msgpack.encode(["price", ["a", 1], b""]),
        msgspec.msgpack.encode(["price", [1, "a"], b"short"]),
        msgspec.msgpack.encode(["price", [1, "a"], "text"]),
    ],
)
def test_cursor_of_another_query_is_rejected(raw: bytes) -> None:
    """A cursor of another order would silently skip entries."""
    written = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    with pytest.raises(Problem, match="invalid-request") as problem:
        cursors.decode_cursor(written, "price", (int, str))
    assert problem.value.field_errors[0].location == "cursor"


@given(st.text() | st.binary().map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_any_cursor_decodes_or_is_a_problem(cursor: str) -> None:
    """A cursor comes from the client."""
    try:
        position = cursors.decode_cursor(cursor, "price", (int, str))
    except Problem:
        return
    assert position is not None and len(position.after) == 2
