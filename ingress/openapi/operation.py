"""The description of one operation."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from ingress.openapi.texts import TEXTS, OperationTexts, find_texts


class DocumentedResponse(Struct, frozen=True):
    """A response that is not a problem."""

    status: int
    meaning: str  # key of its text
    body: Any = None  # the type of the body, or several in a tuple; None: there is none
    example: Any = None
    headers: tuple[str, ...] = ()
    media_type: str = "application/json"


class Operation(Struct, frozen=True, kw_only=True):
    """The description of one method of a path; the route adds method, path and tokens, texts.json the texts.

    Problems that follow from the rest (a body, a token) are not listed: see `document.problems_of`.
    """

    id: str
    same_as: str = ""  # id of the operation whose texts it has too
    tag: str
    query: type[Struct] | None = None
    headers: tuple[str, ...] = ()
    body: type[Struct] | None = None
    body_required: bool = True
    example: Mapping[str, Any] | None = None  # of the body
    query_example: Mapping[str, str] = {}
    responses: tuple[DocumentedResponse, ...]
    problems: tuple[str, ...] = ()
    websocket: Mapping[str, Any] | None = None  # the types of messages, by sender: client, server

    @property
    def texts(self) -> OperationTexts:
        """The summary and the description."""
        return find_texts("operations", TEXTS.operations, self.same_as or self.id)

    @property
    def is_event_stream(self) -> bool:
        """True if the response is a stream of server-sent events."""
        return self.responses[0].media_type == "text/event-stream"
