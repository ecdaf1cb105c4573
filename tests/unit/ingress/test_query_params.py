"""Validation of query parameters."""

from typing import Any
from urllib.parse import urlencode

import pytest
from msgspec import Struct

from ingress.http import query_params
from ingress.http.problems import FieldError, Problem
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
    ("parameters", "at", "code", "expected"),
    [
        ([("limit", "0")], "limit", "minimum", 1),
        ([("limit", "101")], "limit", "maximum", 100),
        ([("limit", "9" * 5000)], "limit", "maximum", 100),
        ([("limit", "x")], "limit", "type", "integer"),
        ([("limit", "1e1")], "limit", "type", "integer"),
        ([("limit", "020")], "limit", "type", "integer"),
        ([("max_price", "0" * 17 + "5000")], "max_price", "type", "integer"),
        ([("limit", "")], "limit", "type", "integer"),
        ([("limit", "1"), ("limit", "1")], "limit", "repeated-parameter", None),
        ([("promo", "maybe")], "promo", "enum", "true, false"),
        ([("min_price", "-1")], "min_price", "minimum", 0),
        ([("sort", "sku")], "sort", "enum", "-price, name, price"),
        ([("sort", "null")], "sort", "enum", "-price, name, price"),
        ([("available", "null")], "available", "enum", "true, false"),
        ([("page", "2")], "page", "unknown-parameter", None),
        ([("q", "x" * 201)], "q", "maxLength", 200),
    ],
)
def test_invalid_parameter_is_named_with_its_valid_values(
    parameters: Any, at: str, code: str, expected: object
) -> None:
    """Contract: unknown fields are rejected (400 `invalid-request`)."""
    with pytest.raises(Problem, match="invalid-request") as problem:
        query_params.query(MenuQuery, urlencode(parameters))
    assert list(problem.value.field_errors) == [FieldError(at, code, expected, kind="parameter")]


def test_every_invalid_parameter_is_named() -> None:
    """A client mends all of its parameters after one answer."""
    with pytest.raises(Problem) as problem:
        query_params.query(MenuQuery, "limit=0&promo=open&page=2&sort=sku")
    assert {error.location for error in problem.value.field_errors} == {"limit", "promo", "page", "sort"}


@pytest.mark.parametrize("text", ["true", "True", "1"])
def test_boolean_spellings(text: str) -> None:
    """The spellings that OpenAPI generators send."""
    assert query_params.query(MenuQuery, f"promo={text}").promo
