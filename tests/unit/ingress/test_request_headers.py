"""Request headers that handlers need."""

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from ingress.http import request_headers
from ingress.http.problems import Problem


def headers(*pairs: tuple[str, str]) -> CIMultiDictProxy[str]:
    return CIMultiDictProxy(CIMultiDict(pairs))


@pytest.mark.parametrize(
    "key", ["a", "k-1", '"quoted"', "!~", "x" * 255, "8e03978e-40d5-43dd-bc93-6894a57f9324"]
)
def test_visible_ascii_is_a_key(key: str) -> None:
    """Contract: `Idempotency-Key` header (1..255 visible ASCII)."""
    assert request_headers.idempotency_key(headers(("idempotency-key", key))) == key


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", "ç", "a\tb", "\udcc3", "a\x7f"])
def test_other_key_is_an_invalid_request(key: str) -> None:
    """Contract: 400 `invalid-request`; the error names the header."""
    with pytest.raises(Problem, match="invalid-request") as problem:
        request_headers.idempotency_key(headers(("Idempotency-Key", key)))
    assert [(fault.kind, fault.location) for fault in problem.value.field_errors] == [
        ("header", "Idempotency-Key")
    ]


def test_missing_key_is_its_own_problem() -> None:
    """Contract: 400 `idempotency-key-missing`."""
    with pytest.raises(Problem, match="idempotency-key-missing"):
        request_headers.idempotency_key(headers())


def test_two_keys_are_rejected() -> None:
    """It is unknown which of the two a retry would repeat."""
    with pytest.raises(Problem, match="invalid-request"):
        request_headers.idempotency_key(headers(("Idempotency-Key", "a"), ("Idempotency-Key", "a")))


def test_valid_trace_context_is_kept() -> None:
    """Contract: a `traceparent` header on each record, so that one trace spans the pipeline."""
    given = f"00-{'a' * 32}-{'b' * 16}-01"
    assert request_headers.traceparent(headers(("traceparent", given))) == given.encode()


@pytest.mark.parametrize(
    "given",
    [
        "",
        "x",
        "00-A-B-01",
        f"00-{'0' * 32}-{'b' * 16}-01",
        f"00-{'a' * 32}-{'0' * 16}-01",
        f"00-{'A' * 32}-{'b' * 16}-01",
        f"00-{'a' * 32}-{'b' * 16}-01-any text of a client",
        f"01-{'a' * 32}-{'b' * 16}-01",
        f"cc-{'a' * 32}-{'b' * 16}-01-{'x' * 400}",
        f" 00-{'a' * 32}-{'b' * 16}-01",
        f"00-{'a' * 32}-{'b' * 16}-01\n",
    ],
)
def test_invalid_trace_context_is_replaced(given: str) -> None:
    """W3C Trace Context: an invalid traceparent starts a new trace."""
    made = request_headers.traceparent(headers(("traceparent", given)))
    assert made != given.encode()
    assert request_headers.traceparent(headers(("traceparent", made.decode()))) == made


@pytest.mark.parametrize(
    "content_type", ["application/json", "Application/JSON; charset=utf-8", "application/json;x=y"]
)
def test_json_with_parameters_is_accepted(content_type: str) -> None:
    """Parameters of the media type change nothing: JSON is UTF-8 (RFC 8259)."""
    request_headers.require_json(headers(("Content-Type", content_type)))


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""]
)
def test_other_content_type_is_rejected(content_type: str) -> None:
    """A body that is declared as something else is not guessed at: 415."""
    with pytest.raises(Problem, match="unsupported-media-type"):
        request_headers.require_json(headers(("Content-Type", content_type)))


def test_missing_content_type_means_json() -> None:
    """Only JSON is accepted, so nothing else can be meant."""
    request_headers.require_json(headers())
