"""What is said of one operation."""

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

from ingress.texts import Text

Method = Literal["GET", "POST", "PUT", "DELETE"]
#: Whose bearer token opens an operation.
Token = Literal["admin", "restaurant", "order"]


class Answer(Struct, frozen=True):
    """A status that is no problem, what it means, and what comes with it."""

    status: int
    means: Text
    body: Any = None  # the type of the body, or several in a tuple; None: there is none
    example: Any = None
    headers: tuple[str, ...] = ()
    media_type: str = "application/json"


class Operation(Struct, frozen=True, kw_only=True):
    """A method of a path: what it takes, and all that it answers.

    Problems that follow from the rest (a body, a token) are not listed: see `document.problems_of`.
    """

    method: Method
    path: str
    id: str
    tag: str
    summary: Text
    description: Text
    query: type[Struct] | None = None
    headers: tuple[str, ...] = ()
    body: type[Struct] | None = None
    body_required: bool = True
    example: Mapping[str, Any] | None = None  # of the body
    query_example: Mapping[str, str] = {}
    answers: tuple[Answer, ...]
    problems: tuple[str, ...] = ()
    tokens: tuple[Token, ...] = ()
    websocket: Any = None  # the messages of a WebSocket, by who sends them: types
