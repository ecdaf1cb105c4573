"""The OpenAPI document, generated from the table of routes."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ingress.http.problem_catalogue import PROBLEMS
from ingress.openapi import code_samples, component_schemas, problem_document
from ingress.openapi.component_schemas import ComponentSchemas
from ingress.openapi.operation import DocumentedResponse, Operation
from ingress.openapi.problem_document import ProblemDocument
from ingress.openapi.route import Route
from ingress.openapi.texts import HEADERS, TEXTS, find_texts
from schemas.languages import Language

#: The document in English, which is committed.
FILE = Path(__file__).parent / "openapi.json"
#: Changes with the HTTP API: the first number with each change that breaks clients.
VERSION = "1.0.0"

#: Further headers of the problems of a status.
_PROBLEM_HEADERS = {401: ("WWW-Authenticate",), 429: ("Retry-After",), 503: ("Retry-After",)}


def to_text(document: dict[str, Any]) -> str:
    """Return the document as it is served and kept in the repository."""
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def described(routes: Iterable[Route]) -> list[tuple[Route, Operation]]:
    """Return the routes that are part of the API, with their operations."""
    return [(route, route.operation) for route in routes if route.operation is not None]


def build(routes: Sequence[Route], language: Language) -> dict[str, Any]:
    """Return the document of these routes."""
    operations = described(routes)
    schemas = ComponentSchemas([operation for _, operation in operations])
    paths: dict[str, Any] = {}
    for route, operation in operations:
        path = paths.setdefault(route.path, {})
        path[route.method.lower()] = _operation(route, operation, schemas, language)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Promo Relâmpago",
            "version": VERSION,
            "description": TEXTS.description.of(language),
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": text.of(language)} for name, text in TEXTS.tags.items()],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.components.items())),
            "securitySchemes": {
                f"{token}Token": {"type": "http", "scheme": "bearer", "description": text.of(language)}
                for token, text in TEXTS.tokens.items()
            },
            "headers": {
                name: {"schema": header.schema, "description": header.meaning.of(language)}
                for name, header in HEADERS.items()
            },
            "examples": {
                slug: {"summary": text.title.of(language), "value": problem_document.example(slug, language)}
                for slug, text in PROBLEMS.items()
            },
        },
    }


def problems_of(route: Route, operation: Operation) -> list[str]:
    """Return the slugs of all problems with which an operation may answer."""
    slugs = {*operation.problems, "internal-error"}
    if operation.body:
        slugs |= {"invalid-request", "payload-too-large", "unsupported-media-type", "request-timeout"}
    if operation.query:
        slugs |= {"invalid-request", "header-fields-too-large"}
    if route.tokens or route.optional_token:
        slugs |= {"unauthorized", "forbidden"}
    return [slug for slug in PROBLEMS if slug in slugs]


def _operation(
    route: Route, operation: Operation, schemas: ComponentSchemas, language: Language
) -> dict[str, Any]:
    result: dict[str, Any] = {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.texts.summary.of(language),
        "description": operation.texts.description.of(language),
        "parameters": [*_parameters(route, operation, language)],
    }
    if route.tokens:
        result["security"] = [{f"{token}Token": []} for token in route.tokens]
    if route.optional_token:
        result["security"] = [{}, {f"{route.optional_token}Token": []}]
    if operation.body is not None:
        content = {"schema": schemas.of(operation.body), "example": operation.example}
        result["requestBody"] = {
            "required": operation.body_required,
            "content": {"application/json": content},
        }
    result["responses"] = _responses(route, operation, schemas, language)
    if operation.websocket is not None:
        result["x-websocket"] = {
            sender: schemas.of(messages) for sender, messages in operation.websocket.items()
        }
    sources = {"Shell": code_samples.curl(route, operation), "Python": code_samples.python(route, operation)}
    result["x-codeSamples"] = [
        {"lang": name, "source": source} for name, source in sources.items() if source is not None
    ]
    return result


def _parameters(route: Route, operation: Operation, language: Language) -> Iterable[dict[str, Any]]:
    for part in route.path.split("/"):
        if part.startswith("{"):
            name = part.strip("{}")
            schema = component_schemas.path_parameter(name)
            yield {"name": name, "in": "path", "required": True, "schema": schema}
    if operation.query is not None:
        for name, schema, required in component_schemas.query_parameters(operation.query):
            yield {"name": name, "in": "query", "required": required, "schema": schema}
    for name in (*operation.headers, "Accept-Language"):
        header = HEADERS[name]
        yield {
            "name": name,
            "in": "header",
            "required": header.required,
            "schema": header.schema,
            "description": header.meaning.of(language),
            "example": header.example,
        }


def _responses(
    route: Route, operation: Operation, schemas: ComponentSchemas, language: Language
) -> dict[str, Any]:
    result = {
        str(response.status): _response(response, schemas, language) for response in operation.responses
    }
    slugs_by_status: dict[str, list[str]] = {}
    for slug in problems_of(route, operation):
        slugs_by_status.setdefault(str(PROBLEMS[slug].status), []).append(slug)
    for status, slugs in slugs_by_status.items():
        result[status] = _problems(slugs, schemas, language)
    return dict(sorted(result.items()))


def _response(response: DocumentedResponse, schemas: ComponentSchemas, language: Language) -> dict[str, Any]:
    result: dict[str, Any] = {
        "description": find_texts("responses", TEXTS.responses, response.meaning).of(language)
    }
    if response.headers:
        result["headers"] = _headers(*response.headers)
    if response.body is not None:
        is_text = response.media_type.startswith("text/")
        content = {
            "schema": {"type": "string"} if is_text else schemas.of(response.body),
            "example": response.example,
        }
        if response.media_type == "text/event-stream":
            content["x-event-data"] = schemas.of(response.body)
        result["content"] = {response.media_type: content}
    return result


def _problems(slugs: list[str], schemas: ComponentSchemas, language: Language) -> dict[str, Any]:
    types = {"type": {"enum": [f"/problems/{slug}" for slug in slugs]}}
    headers = _PROBLEM_HEADERS.get(PROBLEMS[slugs[0]].status, ())
    return {
        "description": "; ".join(PROBLEMS[slug].title.of(language) for slug in slugs),
        "headers": _headers("Content-Language", *headers),
        "content": {
            "application/problem+json": {
                "schema": {"allOf": [schemas.of(ProblemDocument), {"properties": types}]},
                "examples": {slug: {"$ref": f"#/components/examples/{slug}"} for slug in slugs},
            }
        },
    }


def _headers(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
