"""Pages and cursors."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct
from multidict import MultiDict

from ingress import pages
from ingress.menu_page import MenuQuery
from ingress.pages import Key
from ingress.problems import Problem

keys = st.lists(st.tuples(st.integers(-3, 3), st.text("ab", max_size=2)), unique=True).map(sorted)


def walk(entries: list[Key], limit: int) -> list[list[Key]]:
    """Return all pages, following cursors as a client does."""
    result: list[list[Key]] = []
    cursor: str | None = None
    while True:
        after = pages.position(cursor, "price", (int, str))
        page, following = pages.cut(entries, lambda key: key, after, limit)
        result.append(list(page))
        cursor = pages.cursor("price", following)
        if cursor is None:
            return result


@given(keys, st.integers(1, 4))
def test_the_pages_together_are_everything_once_and_in_order(entries: list[Key], limit: int) -> None:
    """Who follows the cursors to the end has seen each entry exactly once."""
    walked = walk(entries, limit)
    assert [key for page in walked for key in page] == entries
    assert all(len(page) == limit for page in walked[:-1])


@given(keys, st.integers(1, 4))
def test_only_the_last_page_has_no_cursor_and_none_but_the_only_one_is_empty(
    entries: list[Key], limit: int
) -> None:
    """A cursor promises that there is more."""
    assert all(walk(entries, limit)) or not entries


@given(keys, keys, st.integers(1, 4))
def test_what_comes_or_goes_between_two_pages_moves_nothing_else(
    before: list[Key], after: list[Key], limit: int
) -> None:
    """A page begins behind the last entry seen: entries that stay are neither skipped nor shown twice."""
    first, following = pages.cut(before, lambda key: key, None, limit)
    if following is None:
        return
    rest, _ = pages.cut(after, lambda key: key, following, len(after) + 1)
    stayed = set(before) & set(after)
    seen = [key for key in [*first, *rest] if key in stayed]
    assert sorted(seen) == sorted(set(seen)) and set(seen) >= {key for key in stayed if key > following}


@pytest.mark.parametrize(
    "cursor", ["", "x", "ção", "bnVsbA", "W10", "WyJwcmljZSIsMV0", "WyJuYW1lIiwxLCJhIl0", "!!!!"]
)
def test_a_cursor_that_is_none_of_this_query_is_refused(cursor: str) -> None:
    """A cursor comes from outside; one of another order would silently skip entries."""
    with pytest.raises(Problem, match="invalid-request") as problem:
        pages.position(cursor, "price", (int, str))
    assert problem.value.faults[0].at == "cursor"


@given(st.text())
def test_no_cursor_makes_it_fail(cursor: str) -> None:
    """Whatever a cursor holds, it is a position or a problem."""
    try:
        position = pages.position(cursor, "price", (int, str))
    except Problem:
        return
    assert position is not None and len(position) == 2


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, MenuQuery()),
        ({"limit": "1"}, MenuQuery(limit=1)),
        ({"limit": "100", "promo": "true"}, MenuQuery(limit=100, promo=True)),
        ({"q": "5", "category": "true"}, MenuQuery(q="5", category="true")),
        ({"min_price": "0", "max_price": "990"}, MenuQuery(min_price=0, max_price=990)),
        ({"sort": "-price", "available": "false"}, MenuQuery(sort="-price")),
    ],
)
def test_parameters_make_a_query(parameters: dict[str, str], expected: Struct) -> None:
    """Contract: the parameters of a menu page, `limit` 1..100, 20 by default."""
    assert pages.query(MenuQuery, MultiDict(parameters)) == expected


@pytest.mark.parametrize(
    ("parameters", "at", "code"),
    [
        ([("limit", "0")], "limit", "invalid"),
        ([("limit", "101")], "limit", "invalid"),
        ([("limit", "x")], "limit", "invalid"),
        ([("limit", "")], "limit", "invalid"),
        ([("limit", "1"), ("limit", "1")], "limit", "repeated"),
        ([("promo", "maybe")], "promo", "invalid"),
        ([("min_price", "-1")], "min_price", "invalid"),
        ([("sort", "sku")], "sort", "invalid"),
        ([("page", "2")], "page", "unknown"),
        ([("q", "x" * 201)], "q", "invalid"),
    ],
)
def test_a_parameter_that_is_wrong_is_named(parameters: Any, at: str, code: str) -> None:
    """Contract: unknown fields are rejected (400 `invalid-request`)."""
    with pytest.raises(Problem, match="invalid-request") as problem:
        pages.query(MenuQuery, MultiDict(parameters))
    assert [(f.where, f.at, f.code) for f in problem.value.faults] == [("parameter", at, code)]
