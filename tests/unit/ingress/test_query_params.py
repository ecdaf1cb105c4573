"""Validation of query parameters."""

from typing import Any
from urllib.parse import urlencode

import pytest
from msgspec import Struct

from ingress.http import query_params
from ingress.http.problems import Problem
from ingress.views.menu_page import MenuQuery


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
def test_valid_parameters(parameters: dict[str, str], expected: Struct) -> None:
    """Contract: the parameters of a menu page, `limit` 1..100, 20 by default."""
    assert query_params.query(MenuQuery, urlencode(parameters)) == expected


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
        ([("sort", "null")], "sort", "invalid"),
        ([("available", "null")], "available", "invalid"),
        ([("page", "2")], "page", "unknown"),
        ([("q", "x" * 201)], "q", "invalid"),
    ],
)
def test_invalid_parameter_is_named(parameters: Any, at: str, code: str) -> None:
    """Contract: unknown fields are rejected (400 `invalid-request`)."""
    with pytest.raises(Problem, match="invalid-request") as problem:
        query_params.query(MenuQuery, urlencode(parameters))
    assert [(f.kind, f.location, f.code) for f in problem.value.field_errors] == [("parameter", at, code)]
