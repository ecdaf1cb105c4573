"""Problems: errors as RFC 9457 documents, in the reader's language."""

import math
import random
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec
from aiohttp import web
from msgspec import Struct

from ingress.http.content_negotiation import negotiate_language
from ingress.http.problem_catalogue import FIELD_ERRORS, PROBLEMS
from schemas.languages import Language, Text

#: Bounds of Retry-After in seconds: spread out, so that clients rejected together do not return together.
RETRY_AFTER_SECONDS = (1, 3)
#: Most errors that one problem lists.
MAX_FIELD_ERRORS = 20
#: Longest problem document, in bytes.
MAX_BYTES = 8 * 1024
#: Longest location of an error that is sent back whole, in characters: it may be text of the client.
MAX_LOCATION = 200


class FieldError(Struct, frozen=True):
    """One error in a request, and its location: a JSON pointer, or the name of a header or parameter."""

    location: str
    code: str
    expected: object = None
    kind: Literal["pointer", "header", "parameter"] = "pointer"

    def describe(self, language: Language) -> dict[str, str]:
        """Return the entry of `errors` in the problem document."""
        text = FIELD_ERRORS[self.code].of(language)
        location = self.location
        if len(location) > MAX_LOCATION:
            location = location[:MAX_LOCATION] + "…"
        return {self.kind: location, "detail": text.format(expected=self.expected)}


class Problem(Exception):
    """The request is answered with the problem of this slug."""

    def __init__(
        self,
        slug: str,
        field_errors: Sequence[FieldError] = (),
        members: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        detail: Text | None = None,
    ) -> None:
        """Args:
        slug: the key in the catalogue of problems.
        field_errors: the errors of the request, for `errors` in the document.
        members: further members of the document.
        headers: headers of the response.
        detail: what is wrong with this request; None: the text of the catalogue.
        """
        super().__init__(slug)
        self.slug = slug
        self.field_errors = field_errors
        self.members = members or {}
        self.headers = headers or {}
        self.detail = detail


class Unavailable(Problem):
    """A part of the service does not answer; the client may retry with the same key, in `seconds` at the earliest."""

    def __init__(self, seconds: float = 0.0) -> None:
        super().__init__("unavailable", headers=retry_after(seconds))


class Overloaded(Problem):
    """The process has too much work, so the request was rejected and nothing was written.

    DECISIONS.md, honest-under-pressure
    """

    def __init__(self) -> None:
        super().__init__("overloaded", headers=retry_after())


def retry_after(seconds: float = 0.0) -> dict[str, str]:
    """Return a Retry-After header of these seconds and a jitter."""
    return {"Retry-After": str(math.ceil(seconds) + random.randint(*RETRY_AFTER_SECONDS))}


def invalid(*field_errors: FieldError) -> Problem:
    """Return the problem of a request with these errors."""
    return Problem("invalid-request", field_errors)


def encode(problem: Problem, language: Language) -> bytes:
    """Return the problem document as JSON, of at most MAX_BYTES.

    Where one of its lists had to be cut, for example `errors`, the document says `"errors_omitted": true`.
    """
    text = PROBLEMS[problem.slug]
    document: dict[str, Any] = {
        "type": f"/problems/{problem.slug}",
        "title": text.title.of(language),
        "status": text.status,
        "detail": (problem.detail or text.detail).of(language),
    }
    if problem.field_errors:
        document["errors"] = [error.describe(language) for error in problem.field_errors[:MAX_FIELD_ERRORS]]
    if len(problem.field_errors) > MAX_FIELD_ERRORS:
        document["errors_omitted"] = True
    document |= problem.members
    while len(encoded := msgspec.json.encode(document)) > MAX_BYTES:
        name, longest = max(
            ((name, member) for name, member in document.items() if isinstance(member, list)),
            key=lambda named: len(msgspec.json.encode(named[1])),
        )
        document[name] = longest[: len(longest) * 3 // 4]
        document[f"{name}_omitted"] = True
    return encoded


def respond(problem: Problem, accept_language: str) -> web.Response:
    """Return the response to a request that raised this problem."""
    language = negotiate_language(accept_language)
    return web.Response(
        status=PROBLEMS[problem.slug].status,
        body=encode(problem, language),
        headers={
            "Content-Type": "application/problem+json",
            "Content-Language": language,
            "Vary": "Accept-Language",
            **problem.headers,
        },
    )
