"""The JSON Schema of every table's records, made from their class, and the files of what is released."""

import json
from pathlib import Path
from typing import Any

import msgspec

from tables.registry import TableSpec

FOLDER = Path(__file__).parent / "json"
RELEASED = Path(__file__).parent / "released"
#: The newest version of each table's records that the last release knows.
KNOWN_VERSIONS = RELEASED / "known-versions.json"


def schema(spec: TableSpec[Any]) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a table's records."""
    made = msgspec.json.schema(spec.record)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": spec.name, **made}


def render(spec: TableSpec[Any]) -> str:
    """Return the text of the schema's file."""
    return json.dumps(schema(spec), indent=2, ensure_ascii=False) + "\n"


def path(spec: TableSpec[Any]) -> Path:
    """Return the file of this table's schema."""
    return FOLDER / f"{spec.name}.json"


def released_path(spec: TableSpec[Any]) -> Path:
    """Return the file of the table's released schema, in the version that this release writes."""
    return RELEASED / f"{spec.name}.v{spec.written_version}.json"
