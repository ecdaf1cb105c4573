"""A change that breaks readers of our topics is found before it is released."""

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from schemas import codec
from schemas.codec import EVENT_TYPES
from schemas.publication import json_schemas
from tests.unit.schemas.breaking_changes import BreakingChange, find_breaking_changes

CONFIRMED = json.loads(
    json_schemas.path(next(c for c, n in EVENT_TYPES.items() if n == "order.confirmed")).read_text()
)
COMMAND = json.loads(
    json_schemas.path(next(c for c, n in EVENT_TYPES.items() if n == "place-order")).read_text()
)


@pytest.mark.parametrize("cls", EVENT_TYPES, ids=EVENT_TYPES.values())
def test_no_change_breaks_a_released_schema(cls: type) -> None:
    """A message with a breaking change gets a new version, with a sample of its own."""
    released = json_schemas.released_path(cls)
    if not released.exists():
        pytest.skip(f"version {json_schemas.version(cls)} of {EVENT_TYPES[cls]} is not released yet")
    found = find_breaking_changes(json.loads(released.read_text()), json_schemas.schema(cls))
    assert not found, f"{EVENT_TYPES[cls]} breaks its readers: {found}; make it a new version"


def test_every_released_message_still_exists() -> None:
    """The rule `message-removed`."""
    released = {path.name.rpartition(".v")[0] for path in json_schemas.RELEASED.glob("*.v*.json")}
    assert released and released <= set(EVENT_TYPES.values()), "message-removed"


@pytest.mark.parametrize("cls", EVENT_TYPES, ids=EVENT_TYPES.values())
def test_a_version_is_read_by_a_release_before_it_is_written(cls: type) -> None:
    """The two steps: a worker of the last release stops at what it does not know, and so would a rolled back one."""
    released = json.loads(json_schemas.KNOWN_VERSIONS.read_text()).get(EVENT_TYPES[cls], 1)
    assert codec.written_version(cls) <= released <= codec.known_version(cls), (
        f"the last release knows version {released} of {EVENT_TYPES[cls]}"
    )


def definition(name: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda schema: schema["$defs"][name]


def change(schema: dict[str, Any], of: str, do: Callable[[dict[str, Any]], object]) -> list[BreakingChange]:
    changed = deepcopy(schema)
    do(changed["$defs"][of])
    return find_breaking_changes(schema, changed)


PLANTED: dict[str, tuple[dict[str, Any], str, Callable[[dict[str, Any]], object], BreakingChange]] = {
    "a field is removed": (
        CONFIRMED,
        "OrderConfirmed",
        lambda d: d["properties"].pop("total"),
        BreakingChange("field-removed", "/total"),
    ),
    "a field is renamed": (
        CONFIRMED,
        "OrderLine",
        lambda d: d["properties"].update(code=d["properties"].pop("sku")),
        BreakingChange("field-removed", "/items/*/sku"),
    ),
    "a new field is required": (
        CONFIRMED,
        "OrderConfirmed",
        lambda d: (d["properties"].update(x={"type": "string"}), d["required"].append("x")),
        BreakingChange("field-became-required", "/x"),
    ),
    "an optional field becomes required": (
        CONFIRMED,
        "OrderConfirmed",
        lambda d: d["required"].append("eta"),
        BreakingChange("field-became-required", "/eta"),
    ),
    "a field may be left out": (
        CONFIRMED,
        "OrderConfirmed",
        lambda d: d["required"].remove("version"),
        BreakingChange("field-became-optional", "/version"),
    ),
    "a type changes": (
        CONFIRMED,
        "OrderConfirmed",
        lambda d: d["properties"].update(version={"type": "string"}),
        BreakingChange("type-narrowed", "/version (integer)"),
    ),
    "null is not allowed any more": (
        CONFIRMED,
        "OrderConfirmed",
        lambda d: d["properties"].update(eta=d["properties"]["eta"]["anyOf"][0]),
        BreakingChange("type-narrowed", "/eta (null)"),
    ),
    "null is allowed": (
        CONFIRMED,
        "OrderLine",
        lambda d: d["properties"].update(name={"anyOf": [{"type": "string"}, {"type": "null"}]}),
        BreakingChange("type-widened", "/items/*/name (null)"),
    ),
    "an enum loses a member": (
        CONFIRMED,
        "OrderConfirmed",
        lambda d: d["properties"]["status"]["enum"].remove("pending"),
        BreakingChange("enum-member-removed", "/status ['pending']"),
    ),
    "a limit is lowered": (
        COMMAND,
        "RequestedItem",
        lambda d: d["properties"]["quantity"].update(maximum=50),
        BreakingChange("bounds-narrowed", "/items/*/quantity"),
    ),
    "a limit is raised from below": (
        COMMAND,
        "RequestedItem",
        lambda d: d["properties"]["quantity"].update(minimum=2),
        BreakingChange("bounds-narrowed", "/items/*/quantity"),
    ),
    "a pattern comes": (
        CONFIRMED,
        "OrderConfirmed",
        lambda d: d["properties"]["order_id"].update(pattern="^o_"),
        BreakingChange("bounds-narrowed", "/order_id"),
    ),
    "unknown fields are forbidden": (
        CONFIRMED,
        "OrderConfirmed",
        lambda d: d.update(additionalProperties=False),
        BreakingChange("unknown-fields-forbidden", ""),
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_every_planted_breaking_change_is_found(name: str) -> None:
    """The check is checked: each rule has a change that breaks it."""
    schema, of, do, expected = PLANTED[name]
    assert expected in change(schema, of, do)


ALLOWED: dict[str, Callable[[dict[str, Any]], object]] = {
    "nothing": lambda d: None,
    "a new optional field": lambda d: d["properties"].update(x={"type": "string", "default": ""}),
    "a new enum member": lambda d: d["properties"]["status"]["enum"].append("lost"),
    "another description": lambda d: d.update(description="x"),
}


@pytest.mark.parametrize("name", ALLOWED)
def test_a_compatible_change_is_allowed(name: str) -> None:
    """Readers ignore what they do not know."""
    assert change(CONFIRMED, "OrderConfirmed", ALLOWED[name]) == []
