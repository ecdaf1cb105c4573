"""The judge: faults of a response, given its request."""

import json
import re
from typing import Any

from msgspec import Struct

from ingress.http.problem_catalogue import FIELD_ERRORS
from tests.fuzz.generator import FuzzRequest
from tests.fuzz.validity import DOCUMENT, document_path, invalid_reason, validator

PROBLEM = "application/problem+json"
#: Errors that the schema cannot express: a generated valid request may have them.
_CODES_BEYOND_SCHEMA = (
    "ends-after-starts",
    "repeated-sku",
    "cursor",
    "max-words",
    "instant",
    "in-the-future",
    "rfc3339",
    "time-of-day",
    "push-key",
    "hidden-character",
    "marks",
    "visible",
    "postal-code",
    "phone",
    "dot-segment",
    *(code for code in FIELD_ERRORS if code.startswith("web-address")),
)
#: Their details, in both languages.
_BEYOND_SCHEMA = re.compile(
    "|".join(
        re.sub(r"\\\{\w+\\\}", ".*", re.escape(FIELD_ERRORS[code].of(language)))
        for code in _CODES_BEYOND_SCHEMA
        for language in ("pt-BR", "en")
    )
)
#: Fields that the decision compares with the item: its price and its portions.
_OF_THE_ITEM = re.compile(r"/items/\d+/(promo_price|portions|cash_portions)")
#: Problems that every path may answer, also where the document does not describe them.
_ANYWHERE = {
    "/problems/not-found",
    "/problems/method-not-allowed",
    "/problems/header-fields-too-large",
    "/problems/unsupported-media-type",
}


class FuzzResponse(Struct, frozen=True):
    """An HTTP response."""

    status: int
    content_type: str
    body: bytes


def find_faults(request: FuzzRequest, response: FuzzResponse) -> list[str]:
    """Return the faults of a response."""
    if response.status >= 500:
        return [f"{response.status}"]
    found = [*_undescribed(request, response)]
    if response.status < 400:
        reason = invalid_reason(request)
        if reason is not None:
            found.append(f"accepted though invalid: {reason}")
        if not request.opened:
            found.append("accepted without a token that opens it")
    if request.good and response.status == 400 and not found and not _is_beyond_schema(response):
        found.append(f"refused though valid: {response.body!r}")
    return found


def _undescribed(request: FuzzRequest, response: FuzzResponse) -> list[str]:
    if response.status == 304:
        return []
    responses = DOCUMENT["paths"][request.route.path][request.route.method.lower()]["responses"]
    described = responses.get(str(response.status))
    if response.status >= 400:
        if response.content_type != PROBLEM:
            return [f"{response.status} is no problem document but {response.content_type}"]
        if json.loads(response.body)["type"] in _ANYWHERE:
            return []
    if described is None:
        return [f"{response.status} is not described: {response.body!r}"]
    if "content" not in described:
        return [f"{response.body!r} is not described"] if response.body else []
    if response.content_type not in described["content"]:
        return [f"{response.content_type} is not described"]
    if not response.content_type.endswith("json"):
        return []
    at = f"{document_path(request)} responses {response.status} content {response.content_type} schema"
    errors = [error.message for error in validator(at).iter_errors(json.loads(response.body))]
    return [f"the response does not fit its schema: {error}" for error in errors]


def _is_beyond_schema(response: FuzzResponse) -> bool:
    problem: dict[str, Any] = json.loads(response.body)
    if problem["type"] != "/problems/invalid-request":
        return True
    return all(
        _BEYOND_SCHEMA.fullmatch(error["detail"]) or _OF_THE_ITEM.fullmatch(error.get("pointer", ""))
        for error in problem["errors"]
    )
