"""A problem lists at most 20 errors and is at most 8 KiB, whatever the request had."""

import json
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy

from ingress.handlers import responses
from ingress.http import query_params, request_headers, tokens
from ingress.http.body_validation import BodyReader
from ingress.http.problem_catalogue import FIELD_ERRORS, PROBLEMS
from ingress.http.problems import MAX_BYTES, MAX_FIELD_ERRORS, FieldError, Problem, encode, invalid
from ingress.openapi.problem_document import ProblemDocument
from ingress.views.menu_page import MenuQuery
from schemas.commands import Payment, PlaceOrder, RequestedItem
from schemas.languages import Language
from schemas.money import MAX_AMOUNT, Money
from schemas.orders import Shortage
from schemas.replies import Answer
from tests.support.ingress.fakes import order_of
from tests.support.ingress.samples import order_body
from tests.unit.ingress.test_worst_cases import BODIES, READERS

LANGUAGES: tuple[Language, ...] = ("pt-BR", "en")


def checked(problem: Problem) -> dict[str, Any]:
    """Return the document, within its limits in both languages and described by OpenAPI."""
    documents = [encode(problem, language) for language in LANGUAGES]
    for document in documents:
        assert len(document) <= MAX_BYTES
        assert len(json.loads(document).get("errors", ())) <= MAX_FIELD_ERRORS
        msgspec.json.decode(document, type=ProblemDocument)
    return dict(json.loads(documents[0]))


def rejected(reader: BodyReader[Any], raw: bytes) -> dict[str, Any]:
    with pytest.raises(Problem) as raised:
        reader.read(raw)
    return checked(raised.value)


@pytest.mark.parametrize("reader", READERS)
def test_worst_bodies_have_small_problems(reader: str) -> None:
    """64 KiB of names or lines, each with several errors."""
    for body in BODIES[max(BODIES)].values():
        assert rejected(READERS[reader], body)["errors"]


NAMES = st.text(max_size=300) | st.sampled_from(
    ["\u0001" * 60_000, "\U0001f600" * 9_000, "/~" * 20_000, '"' * 30_000]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=60) | st.dictionaries(NAMES, inner, max_size=30),
    max_leaves=60,
)


@settings(max_examples=30, deadline=None)
@given(
    reader=st.sampled_from(sorted(READERS)), body=VALUES, changes=st.dictionaries(NAMES, VALUES, max_size=30)
)
def test_any_body_has_a_small_problem(reader: str, body: Any, changes: dict[str, Any]) -> None:
    """Locations and names are text of the client, of any length and any characters."""
    for value in (body, order_body(**changes), order_body(items=[body] * 60)):
        try:
            READERS[reader].read(json.dumps(value, ensure_ascii=False).encode(errors="replace"))
        except Problem as problem:
            checked(problem)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(NAMES | st.sampled_from(MenuQuery.__struct_fields__), st.text(max_size=300)), max_size=60
    )
)
def test_any_query_has_a_small_problem(parameters: list[tuple[str, str]]) -> None:
    """Also of /catalogo, which looks for its restaurant first."""
    query = "&".join(
        f"{quote(name, errors='replace')}={quote(value, errors='replace')}" for name, value in parameters
    )
    for read in (
        lambda: query_params.query(MenuQuery, query),
        lambda: query_params.split_restaurant_id(query),
    ):
        try:
            read()
        except Problem as problem:
            checked(problem)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["Idempotency-Key", "Authorization", "Content-Type"]), st.text()),
        max_size=9,
    )
)
def test_any_headers_have_a_small_problem(fields: list[tuple[str, str]]) -> None:
    """A header is named and never sent back."""
    headers = CIMultiDictProxy(CIMultiDict(fields))
    for read in (request_headers.idempotency_key, request_headers.require_json, tokens.bearer):
        try:
            read(headers)
        except Problem as problem:
            checked(problem)


@settings(deadline=None)
@given(
    st.lists(
        st.builds(FieldError, NAMES, st.sampled_from(sorted(FIELD_ERRORS)), st.just("x" * 60)), max_size=60
    )
)
def test_any_errors_fit(errors: list[FieldError]) -> None:
    """What is left out is said."""
    document = checked(invalid(*errors))
    assert document.get("errors_omitted", False) is (len(document.get("errors", ())) < len(errors))


def test_a_long_location_is_cut_and_marked() -> None:
    """A name of 60 KB is not sent back 20 times."""
    document = checked(invalid(FieldError("/" + "a" * 60_000, "unknown"), FieldError("/items", "required")))
    assert document["errors"][0]["pointer"] == "/" + "a" * 199 + "…"
    assert document["errors"][1]["pointer"] == "/items" and "errors_omitted" not in document


@pytest.mark.parametrize(
    "outcome",
    [outcome for outcome in responses.PROBLEM_SLUGS if outcome not in ("unknown_order", "key_reused")],
)
def test_refusal_of_the_largest_order_has_a_small_problem(outcome: Any) -> None:
    """50 lines whose ids have 64 characters."""
    skus = [f"{number:064}" for number in range(50)]
    command = PlaceOrder("o", "r1", "h", "f", [RequestedItem(sku, 99) for sku in skus], Payment("pix"))
    order = order_of(command, shortages=[Shortage(sku, 1_000_000) for sku in skus])
    lines = [msgspec.structs.replace(line, unit_price=Money(MAX_AMOUNT)) for line in order.items]
    answer = Answer(outcome, msgspec.structs.replace(order, items=lines), skus=skus)
    document = checked(responses.problem_of(answer, {}))
    for member in ("skus", "items"):
        listed = document.get(member, [])
        assert document.get(f"{member}_omitted", False) is (0 < len(listed) < 50)
    assert len(document["skus"]) >= 30


@pytest.mark.parametrize("slug", PROBLEMS)
def test_texts_of_problems_leave_room_for_lists(slug: str) -> None:
    """The members that are not lists are never cut."""
    assert max(len(encode(Problem(slug), language)) for language in LANGUAGES) < 1_000


def test_parameters_are_called_parameters() -> None:
    """An unknown parameter was called a field."""
    with pytest.raises(Problem) as raised:
        query_params.query(MenuQuery, "page=1&limit=1&limit=2")
    texts = [
        [error.describe(language)["detail"] for error in raised.value.field_errors] for language in LANGUAGES
    ]
    assert texts == [
        ["parâmetro desconhecido", "parâmetro repetido"],
        ["unknown parameter", "parameter given more than once"],
    ]
