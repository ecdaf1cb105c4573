"""The OpenAPI document, made of the table of operations."""

import json
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

from ingress.openapi import problem_document, samples, shapes
from ingress.openapi.headers import HEADERS
from ingress.openapi.operation import Answer, Operation, Token
from ingress.openapi.operations import OPERATIONS, TAGS
from ingress.openapi.problem_document import ProblemDocument
from ingress.openapi.shapes import Shapes
from ingress.texts import PROBLEMS, Language, Text

#: Where the document is written down, in English.
FILE = Path(__file__).parent / "openapi.json"
#: Grows with each change of the HTTP side: the first number when it breaks something.
VERSION = "1.0.0"

_TITLE = "Promo Relâmpago"
_DESCRIPTION = Text(
    "Promoções relâmpago de entrega local. JSON na entrada e na saída; dinheiro em centavos; instantes em "
    "RFC 3339, UTC. Erros são `application/problem+json` (RFC 9457), em pt-BR ou, por `Accept-Language`, em inglês.",
    "Flash promotions for local delivery. JSON in and out; money in centavos; instants in RFC 3339, UTC. Errors "
    "are `application/problem+json` (RFC 9457), in pt-BR or, by `Accept-Language`, in English.",
)
_TOKENS: dict[Token, Text] = {
    "admin": Text("O token de quem administra.", "The administrator's token."),
    "restaurant": Text(
        "O token que a criação do restaurante devolve.", "The token that creating the restaurant returns."
    ),
    "order": Text("O token que vem com o pedido aceito.", "The token that comes with the accepted order."),
}
_PROBLEM = "application/problem+json"
_RETRIED = (429, 503)


@lru_cache(maxsize=2)
def text(language: Language) -> str:
    """Return the document as it is served and written down."""
    return json.dumps(document(language), indent=1, ensure_ascii=False) + "\n"


def document(language: Language) -> dict[str, Any]:
    """Return the document."""
    shaped = Shapes(OPERATIONS)
    paths: dict[str, Any] = {}
    for operation in OPERATIONS:
        described = _operation(operation, shaped, language)
        paths.setdefault(operation.path, {})[operation.method.lower()] = described
    return {
        "openapi": "3.1.0",
        "info": {"title": _TITLE, "version": VERSION, "description": _DESCRIPTION.of(language)},
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": means.of(language)} for name, means in TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(shaped.components.items())),
            "securitySchemes": {
                _scheme(token): {"type": "http", "scheme": "bearer", "description": means.of(language)}
                for token, means in _TOKENS.items()
            },
            "headers": {
                name: {"schema": header.schema, "description": header.means.of(language)}
                for name, header in HEADERS.items()
            },
            "examples": {
                slug: {"summary": text.title.of(language), "value": problem_document.example(slug, language)}
                for slug, text in PROBLEMS.items()
            },
        },
    }


def problems_of(operation: Operation) -> list[str]:
    """Return the slugs of all problems that an operation may answer."""
    following = {
        "invalid-request": operation.body or operation.query,
        "payload-too-large": operation.body,
        "unsupported-media-type": operation.body,
        "request-timeout": operation.body,
        "unauthorized": operation.tokens,
        "forbidden": operation.tokens,
        "header-fields-too-large": operation.query,
        "internal-error": True,
    }
    found = {slug for slug, applies in following.items() if applies} | set(operation.problems)
    if "{restaurant_id}" in operation.path and operation.method == "PUT":
        found.add("invalid-request")
    return [slug for slug in PROBLEMS if slug in found]


def _operation(operation: Operation, shaped: Shapes, language: Language) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary.of(language),
        "description": operation.description.of(language),
        "parameters": [*_parameters(operation, language)],
    }
    if operation.tokens:
        described["security"] = [{_scheme(token): []} for token in operation.tokens]
    if operation.body is not None:
        content = {"schema": shaped.of(operation.body), "example": operation.example}
        described["requestBody"] = {
            "required": operation.body_required,
            "content": {"application/json": content},
        }
    described["responses"] = _responses(operation, shaped, language)
    if operation.websocket is not None:
        described["x-websocket"] = {who: shaped.of(messages) for who, messages in operation.websocket.items()}
    sources = {"Shell": samples.curl(operation), "Python": samples.python(operation)}
    described["x-codeSamples"] = [
        {"lang": name, "source": source} for name, source in sources.items() if source is not None
    ]
    return described


def _parameters(operation: Operation, language: Language) -> Iterable[dict[str, Any]]:
    for part in operation.path.split("/"):
        if part.startswith("{"):
            name = part.strip("{}")
            yield {"name": name, "in": "path", "required": True, "schema": shapes.path_parameter(name)}
    if operation.query is not None:
        for name, schema, required in shapes.query_parameters(operation.query):
            yield {"name": name, "in": "query", "required": required, "schema": schema}
    for name in (*operation.headers, "Accept-Language"):
        header = HEADERS[name]
        yield {
            "name": name,
            "in": "header",
            "required": header.required,
            "schema": header.schema,
            "description": header.means.of(language),
            "example": header.example,
        }


def _responses(operation: Operation, shaped: Shapes, language: Language) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for answer in operation.answers:
        responses[str(answer.status)] = _answer(answer, shaped, language)
    by_status: dict[int, list[str]] = {}
    for slug in problems_of(operation):
        by_status.setdefault(PROBLEMS[slug].status, []).append(slug)
    for status, slugs in by_status.items():
        described = _problems(status, slugs, shaped, language)
        if (told := responses.get(str(status))) is not None:
            described["content"] |= told["content"]
        responses[str(status)] = described
    return dict(sorted(responses.items()))


def _answer(answer: Answer, shaped: Shapes, language: Language) -> dict[str, Any]:
    described: dict[str, Any] = {"description": answer.means.of(language)}
    if answer.headers:
        described["headers"] = _headers(*answer.headers)
    if answer.body is not None:
        schema = {"type": "string"} if answer.media_type.startswith("text/") else shaped.of(answer.body)
        described["content"] = {answer.media_type: {"schema": schema, "example": answer.example}}
        if answer.media_type == "text/event-stream":
            described["content"][answer.media_type]["x-event-data"] = shaped.of(answer.body)
    return described


def _problems(status: int, slugs: list[str], shaped: Shapes, language: Language) -> dict[str, Any]:
    types = {"type": {"enum": [f"/problems/{slug}" for slug in slugs]}}
    headers = ["Content-Language", *(["Retry-After"] if status in _RETRIED else [])]
    return {
        "description": "; ".join(PROBLEMS[slug].title.of(language) for slug in slugs),
        "headers": _headers(*headers),
        "content": {
            _PROBLEM: {
                "schema": {"allOf": [shaped.of(ProblemDocument), {"properties": types}]},
                "examples": {slug: {"$ref": f"#/components/examples/{slug}"} for slug in slugs},
            }
        },
    }


def _headers(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _scheme(token: Token) -> str:
    return f"{token}Token"
