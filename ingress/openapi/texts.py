"""The texts, headers and examples of the description: data, in JSON files next to this module."""

from collections.abc import Mapping
from typing import Any, TypeVar

from msgspec import Struct

from schemas.languages import Text, read_texts

T = TypeVar("T")


class OperationTexts(Struct, frozen=True, forbid_unknown_fields=True):
    """The texts of an operation."""

    summary: Text
    description: Text


class DescriptionTexts(Struct, frozen=True, forbid_unknown_fields=True):
    """The texts of the OpenAPI document, and of the page that shows it."""

    description: Text
    tags: dict[str, Text]  # groups of operations, in the order in which they are shown
    tokens: dict[str, Text]
    operations: dict[str, OperationTexts]  # by id
    responses: dict[str, Text]
    page: dict[str, Text]
    parameters: dict[str, Text]


class Header(Struct, frozen=True, forbid_unknown_fields=True):
    """A documented header; `required` is True if a request must have it."""

    schema: dict[str, Any]
    meaning: Text
    example: str
    required: bool = False


def find_texts(group: str, texts: Mapping[str, T], name: str) -> T:
    """Return the texts of this name; raises LookupError, which says where they are missing."""
    if name not in texts:
        raise LookupError(f"ingress/openapi/texts.json has no {name!r} under {group!r}")
    return texts[name]


TEXTS = read_texts(__file__, "texts.json", DescriptionTexts)
HEADERS = read_texts(__file__, "headers.json", dict[str, Header])
#: Examples of bodies by name; `$NAME` in one stands for a variable of the code samples.
EXAMPLES = read_texts(__file__, "examples.json", dict[str, Any])
