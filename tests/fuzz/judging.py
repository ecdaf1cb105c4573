"""The judge: what an answer must be, whatever was asked."""

import json
from typing import Any

from msgspec import Struct

from ingress.handlers.request_bodies import ALLOWED_PORTS
from ingress.http.problem_catalogue import FIELD_ERRORS
from tests.fuzz.generating import Request
from tests.fuzz.validity import DOCUMENT, place, validator, why_invalid

PROBLEM = "application/problem+json"
#: Faults that a schema cannot tell: a good request may have them.
_BEYOND_SCHEMA = {
    FIELD_ERRORS[code].of(language).format(expected=ALLOWED_PORTS)
    for code in FIELD_ERRORS
    if code in ("ends-after-starts", "repeated-sku", "cursor", "instant", "push-key")
    or code.startswith("web-address")
    for language in ("pt-BR", "en")
}
#: What any address may answer, described or not.
_ANYWHERE = {"/problems/not-found", "/problems/method-not-allowed", "/problems/header-fields-too-large"}


class Answer(Struct, frozen=True):
    """What came back."""

    status: int
    content_type: str
    body: bytes


def faults(request: Request, answer: Answer) -> list[str]:
    """Return what is wrong with an answer; nothing, if all is well."""
    if answer.status >= 500:
        return [f"{answer.status}"]
    found = [*_undescribed(request, answer)]
    if answer.status < 400:
        reason = why_invalid(request)
        if reason is not None:
            found.append(f"accepted though invalid: {reason}")
        if not request.opened:
            found.append("accepted without a token that opens it")
    if request.good and answer.status == 400 and not found and not _is_beyond_schema(answer):
        found.append(f"refused though valid: {answer.body!r}")
    return found


def _undescribed(request: Request, answer: Answer) -> list[str]:
    if answer.status == 304:
        return []
    responses = DOCUMENT["paths"][request.route.path][request.route.method.lower()]["responses"]
    described = responses.get(str(answer.status))
    if answer.status >= 400:
        if answer.content_type != PROBLEM:
            return [f"{answer.status} is no problem document but {answer.content_type}"]
        if json.loads(answer.body)["type"] in _ANYWHERE:
            return []
    if described is None:
        return [f"{answer.status} is not described: {answer.body!r}"]
    if "content" not in described:
        return [f"{answer.body!r} is not described"] if answer.body else []
    if answer.content_type not in described["content"]:
        return [f"{answer.content_type} is not described"]
    if not answer.content_type.endswith("json"):
        return []
    at = f"{place(request)} responses {answer.status} content {answer.content_type} schema"
    errors = [error.message for error in validator(at).iter_errors(json.loads(answer.body))]
    return [f"the answer does not fit its schema: {error}" for error in errors]


def _is_beyond_schema(answer: Answer) -> bool:
    problem: dict[str, Any] = json.loads(answer.body)
    if problem["type"] != "/problems/invalid-request":
        return True
    return all(error["detail"] in _BEYOND_SCHEMA for error in problem["errors"])
