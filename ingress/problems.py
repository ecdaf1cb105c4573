"""Problems: errors as RFC 9457 documents, in the reader's language."""

import random
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec
from aiohttp import web
from msgspec import Struct

from ingress import languages
from ingress.texts import FAULTS, PROBLEMS, Language

#: Bounds of Retry-After in seconds: spread out, so that clients who were sent away together do not return together.
RETRY_SECONDS = (1, 3)


class Fault(Struct, frozen=True):
    """One thing that is wrong with a request, and where: a JSON pointer, or the name of a header or parameter."""

    at: str
    code: str
    expected: object = None
    where: Literal["pointer", "header", "parameter"] = "pointer"

    def describe(self, language: Language) -> dict[str, str]:
        """Return the entry of `errors`."""
        return {self.where: self.at, "detail": FAULTS[self.code].of(language).format(expected=self.expected)}


class Problem(Exception):
    """The request is answered with the problem of this slug."""

    def __init__(
        self,
        slug: str,
        faults: Sequence[Fault] = (),
        members: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Name the problem, its faults, further members of the document and headers of the answer."""
        super().__init__(slug)
        self.slug = slug
        self.faults = faults
        self.members = members or {}
        self.headers = headers or {}


class Unavailable(Problem):
    """A part that is needed does not answer; the client may try again, with the same key."""

    def __init__(self) -> None:
        """Ask the client to come back in a moment."""
        super().__init__("unavailable", headers=retry_after())


class Overloaded(Problem):
    """More is under way than can be decided in the wait; nothing was written (README, decision 8)."""

    def __init__(self) -> None:
        """Ask the client to come back in a moment."""
        super().__init__("overloaded", headers=retry_after())


def retry_after() -> dict[str, str]:
    """Return a Retry-After header, with jitter."""
    return {"Retry-After": str(random.randint(*RETRY_SECONDS))}


def invalid(*faults: Fault) -> Problem:
    """Return the problem of a request with these faults."""
    return Problem("invalid-request", faults)


def document(problem: Problem, language: Language) -> bytes:
    """Return the problem's document."""
    text = PROBLEMS[problem.slug]
    members: dict[str, Any] = {
        "type": f"/problems/{problem.slug}",
        "title": text.title.of(language),
        "status": text.status,
        "detail": text.detail.of(language),
    }
    if problem.faults:
        members["errors"] = [fault.describe(language) for fault in problem.faults]
    return msgspec.json.encode(members | dict(problem.members))


def render(problem: Problem, accept_language: str) -> web.Response:
    """Return the answer to a request that had this problem."""
    language = languages.negotiate(accept_language)
    return web.Response(
        status=PROBLEMS[problem.slug].status,
        body=document(problem, language),
        headers={
            "Content-Type": "application/problem+json",
            "Content-Language": language,
            "Vary": "Accept-Language",
            **problem.headers,
        },
    )
