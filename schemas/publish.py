"""The JSON Schema of every message, made from its class; `python -m schemas` writes them down."""

import json
from pathlib import Path
from typing import Any

import msgspec

from schemas import codec
from schemas.codec import EVENT_TYPES

FOLDER = Path(__file__).parent / "json"
SAMPLES = Path(__file__).parent / "samples"
RELEASED = Path(__file__).parent / "released"


def schema(cls: type) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of the value of a record of this class."""
    made = msgspec.json.schema(cls)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": EVENT_TYPES[cls], **made}


def text(cls: type) -> str:
    """Return the schema as it is written down."""
    return json.dumps(schema(cls), indent=2, ensure_ascii=False) + "\n"


def path(cls: type) -> Path:
    """Return where the schema of this class is written down."""
    return FOLDER / f"{EVENT_TYPES[cls]}.json"


def sample_paths(cls: type) -> list[Path]:
    """Return the stored samples of every version of this class's messages."""
    return sorted(SAMPLES.glob(f"{EVENT_TYPES[cls]}.v*.json"))


def version(cls: type) -> str:
    """Return the version in which records of this class are written."""
    return (codec.header(codec.headers(cls, "", b""), "schema-version") or b"").decode()


def released_path(cls: type) -> Path:
    """Return where the schema is kept that others have of this class, in its version."""
    return RELEASED / f"{EVENT_TYPES[cls]}.v{version(cls)}.json"
