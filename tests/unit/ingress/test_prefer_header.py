"""How long a client wants to wait."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.http.prefer_header import MAX_WAIT_SECONDS, wait_seconds


@pytest.mark.parametrize(
    ("prefer", "wait"),
    [
        ([], 5.0),
        (["wait=2"], 2.0),
        (["wait=0"], 0.0),
        (["Wait=1.5"], 1.5),
        (['wait="3"'], 3.0),
        (["wait = 3"], 3.0),
        (["wait=99"], MAX_WAIT_SECONDS),
        (["wait=x"], 5.0),
        (["wait=-1"], 5.0),
        (["wait=nan"], 5.0),
        (["wait=inf"], 5.0),
        (["wait"], 5.0),
        (["respond-async"], 0.0),
        (["Respond-Async"], 0.0),
        (["respond-async, wait=2"], 2.0),
        (["wait=2", "respond-async"], 2.0),
        (["return=minimal, wait=2; foo=1"], 2.0),
        (["wait=1, wait=2"], 1.0),
        (["return=minimal"], 5.0),
    ],
)
def test_wait_follows_rfc_7240(prefer: list[str], wait: float) -> None:
    """Contract: optional `Prefer: wait=N` or `respond-async`; RFC 7240: what cannot be parsed is ignored."""
    assert wait_seconds(prefer, 5.0) == wait


@given(st.lists(st.text()))
def test_any_header_gives_a_bounded_wait(prefer: list[str]) -> None:
    """A header comes from the client."""
    assert 0.0 <= wait_seconds(prefer, 5.0) <= MAX_WAIT_SECONDS
