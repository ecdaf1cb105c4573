"""The JSON Schema of every message, made from its class."""

import json
from pathlib import Path
from typing import Any

import msgspec

from schemas import codec
from schemas.codec import EVENT_TYPES

FOLDER = Path(__file__).parents[1] / "json"
SAMPLES = Path(__file__).parents[1] / "samples"
RELEASED = Path(__file__).parents[1] / "released"

#: The newest version of each message that the last release knows.
KNOWN_VERSIONS = RELEASED / "known-versions.json"


def schema(cls: type) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of the value of a record of this class."""
    made = msgspec.json.schema(cls)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": EVENT_TYPES[cls], **made}


def render(cls: type) -> str:
    """Return the text of the schema's file."""
    return json.dumps(schema(cls), indent=2, ensure_ascii=False) + "\n"


def path(cls: type) -> Path:
    """Return the file of this class's schema."""
    return FOLDER / f"{EVENT_TYPES[cls]}.json"


def sample_paths(cls: type) -> list[Path]:
    """Return the stored samples of this class, one for each version."""
    return sorted(SAMPLES.glob(f"{EVENT_TYPES[cls]}.v*.json"))


def version(cls: type) -> str:
    """Return the version of the records that are written of this class."""
    return (codec.header(codec.headers(cls, "", b""), "schema-version") or b"").decode()


def released_path(cls: type) -> Path:
    """Return the file of this class's released schema, in its current version."""
    return RELEASED / f"{EVENT_TYPES[cls]}.v{version(cls)}.json"
