"""Validity of a request by the document: independent of the product's own checks, in order to judge them."""

import functools
import json
import re
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import jsonschema_rs

from ingress.openapi import document
from ingress.routes import ROUTES
from tests.fuzz.generator import FuzzRequest

DOCUMENT = document.build(ROUTES, "en")
_INTEGER = re.compile(r"-?[0-9]+", re.ASCII)
_BOOLEANS = frozenset({"true", "false", "0", "1"})


@functools.cache
def validator(at: str) -> Any:
    """Return the validator of the schema at a path in the document; the path is separated by spaces."""
    schema: Any = DOCUMENT
    for part in at.split(" "):
        schema = schema[part]
    return jsonschema_rs.Draft202012Validator(
        schema | {"components": DOCUMENT["components"]}, validate_formats=True
    )


def document_path(request: FuzzRequest) -> str:
    """Return the path of the operation in the document, separated by spaces."""
    return f"paths {request.route.path} {request.route.method.lower()}"


def invalid_reason(request: FuzzRequest) -> str | None:
    """Return why a request is invalid; None if it is valid."""
    described = DOCUMENT["paths"][request.route.path][request.route.method.lower()]
    given = {"query": _query(request), "header": request.headers, "path": _parts(request)}
    has_query = request.route.operation.query is not None
    if given["query"] is None and has_query:
        return "a query parameter is repeated"
    for parameter in described["parameters"]:
        value = _value(given[parameter["in"]] or {}, parameter)
        if value is None:
            if parameter["required"]:
                return f"{parameter['name']} is missing"
        elif not _fits(value, parameter["schema"]):
            return f"{parameter['name']} is {value!r}"
    if has_query:
        unknown = given["query"].keys() - set(request.route.operation.query.__struct_fields__)
        if unknown:
            return f"{unknown} is unknown"
    return _invalid_body_reason(request, described)


def _invalid_body_reason(request: FuzzRequest, described: Any) -> str | None:
    if "requestBody" not in described:
        return None
    if not request.body:
        return "the body is missing" if described["requestBody"]["required"] else None
    try:
        value = json.loads(request.body.decode("utf-8"), parse_constant=_reject_constant)
    except ValueError:
        return "the body is not JSON"
    try:
        valid = validator(f"{document_path(request)} requestBody content application/json schema").is_valid(
            value
        )
    except ValueError:  # lone surrogates
        valid = False
    return None if valid else "the body does not fit its schema"


def _query(request: FuzzRequest) -> dict[str, str] | None:
    pairs = parse_qsl(urlsplit(request.target).query, keep_blank_values=True)
    return dict(pairs) if len(dict(pairs)) == len(pairs) else None


def _parts(request: FuzzRequest) -> dict[str, str]:
    pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(request.route.path))
    found = re.fullmatch(pattern, urlsplit(request.target).path)
    return {name: unquote(value) for name, value in found.groupdict().items()} if found else {}


def _value(given: dict[str, str], parameter: dict[str, Any]) -> str | None:
    if parameter["in"] != "header":
        return given.get(parameter["name"])
    wanted = parameter["name"].lower()
    return next((value.strip(" \t") for name, value in given.items() if name.lower() == wanted), None)


def _fits(value: str, schema: dict[str, Any]) -> bool:
    """Return True if a text is valid for the schema, in the spelling of query parameters."""
    match schema.get("type"):
        case "integer":
            read: Any = int(value) if _INTEGER.fullmatch(value) and len(value) < 20 else value
        case "boolean":
            return value.lower() in _BOOLEANS
        case _:
            read = value
    return bool(jsonschema_rs.Draft202012Validator(schema).is_valid(read))


def _reject_constant(name: str) -> None:
    raise ValueError(name)
