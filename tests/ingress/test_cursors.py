"""Cursors, by keys that never change and by keys that do."""

import base64

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress import cursors
from ingress.cursors import MOST_SEEN, Cursor, Key
from ingress.problems import Problem

keys = st.lists(st.tuples(st.integers(-3, 3), st.text("ab", max_size=2)), unique=True).map(sorted)
cuts = st.sampled_from(["cut", "cut_unseen"])


def cut(which: str, entries: list[Key], cursor: Cursor | None, limit: int) -> tuple[list[Key], Cursor | None]:
    """Cut entries that are their own keys, and whose names are all they are."""
    if which == "cut":
        page, following = cursors.cut(entries, lambda key: key, cursor, limit)
    else:
        page, following = cursors.cut_unseen(entries, lambda key: key, repr, cursor, limit)
    return list(page), following


def walk(which: str, entries: list[Key], limit: int) -> list[list[Key]]:
    """Return all pages, following cursors as a client does."""
    result: list[list[Key]] = []
    written: str | None = None
    while True:
        page, following = cut(which, entries, cursors.read(written, "price", (int, str)), limit)
        result.append(page)
        written = cursors.write("price", following)
        if written is None:
            return result


@given(cuts, keys, st.integers(1, 4))
def test_the_pages_together_are_everything_once_and_in_order(
    which: str, entries: list[Key], limit: int
) -> None:
    """Who follows the cursors to the end has seen each entry exactly once."""
    walked = walk(which, entries, limit)
    assert [key for page in walked for key in page] == entries
    assert all(len(page) == limit for page in walked[:-1])


@given(cuts, keys, st.integers(1, 4))
def test_only_the_last_page_has_no_cursor_and_none_but_the_only_one_is_empty(
    which: str, entries: list[Key], limit: int
) -> None:
    """A cursor promises that there is more."""
    assert all(walk(which, entries, limit)) or not entries


@given(keys, keys, st.integers(1, 4))
def test_what_comes_or_goes_between_two_pages_moves_nothing_else(
    before: list[Key], after: list[Key], limit: int
) -> None:
    """A page begins behind the last entry seen: entries that stay are neither skipped nor shown twice."""
    first, following = cut("cut", before, None, limit)
    if following is None:
        return
    rest, _ = cut("cut", after, following, len(after) + 1)
    stayed = set(before) & set(after)
    seen = [key for key in [*first, *rest] if key in stayed]
    assert sorted(seen) == sorted(set(seen)) and set(seen) >= {key for key in stayed if key > following.after}


def test_a_cursor_that_remembers_too_much_goes_on_behind_the_last_key() -> None:
    """The longest cursor fits into the line of a request, 8 KiB, with room for the rest of it."""
    entries: list[Key] = [(n, "sku") for n in range(MOST_SEEN + 250)]
    assert [key for page in walk("cut_unseen", entries, 100) for key in page] == entries
    _, following = cut("cut_unseen", entries, None, MOST_SEEN)
    assert following is not None and len(following.seen) == MOST_SEEN
    assert len(cursors.write("price", following) or "") < 4200


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
def test_a_cursor_that_is_none_of_this_query_is_refused(raw: bytes) -> None:
    """A cursor comes from outside; one of another order would silently skip entries."""
    written = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    with pytest.raises(Problem, match="invalid-request") as problem:
        cursors.read(written, "price", (int, str))
    assert problem.value.faults[0].at == "cursor"


@given(st.text() | st.binary().map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_no_cursor_makes_it_fail(cursor: str) -> None:
    """Whatever a cursor holds, it is a position or a problem."""
    try:
        position = cursors.read(cursor, "price", (int, str))
    except Problem:
        return
    assert position is not None and len(position.after) == 2
