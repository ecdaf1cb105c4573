"""A change that breaks those who read our topics is named before it is made."""

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from schemas import publish
from schemas.codec import EVENT_TYPES
from schemas.compatibility import Break, breaks

CONFIRMED = json.loads(
    publish.path(next(c for c, n in EVENT_TYPES.items() if n == "order.confirmed")).read_text()
)
COMMAND = json.loads(publish.path(next(c for c, n in EVENT_TYPES.items() if n == "place-order")).read_text())


@pytest.mark.parametrize("cls", EVENT_TYPES, ids=EVENT_TYPES.values())
def test_nothing_breaks_what_was_released(cls: type) -> None:
    """A message that must change so has a new version, with a sample of its own."""
    released = publish.released_path(cls)
    if not released.exists():
        pytest.skip(f"version {publish.version(cls)} of {EVENT_TYPES[cls]} is not released yet")
    found = breaks(json.loads(released.read_text()), publish.schema(cls))
    assert not found, f"{EVENT_TYPES[cls]} breaks its readers: {found}; make it a new version"


def test_no_message_that_was_released_is_gone() -> None:
    """The rule `message-removed`."""
    released = {path.name.rpartition(".v")[0] for path in publish.RELEASED.glob("*.json")}
    assert released and released <= set(EVENT_TYPES.values()), "message-removed"


def definition(name: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda schema: schema["$defs"][name]


def change(schema: dict[str, Any], of: str, do: Callable[[dict[str, Any]], object]) -> list[Break]:
    changed = deepcopy(schema)
    do(changed["$defs"][of])
    return breaks(schema, changed)


PLANTED: dict[str, tuple[dict[str, Any], str, Callable[[dict[str, Any]], object], Break]] = {
    "a field is removed": (
        CONFIRMED,
        "OrderConfirmed",
        lambda d: d["properties"].pop("total"),
        Break("field-removed", "/total"),
    ),
    "a field is renamed": (
        CONFIRMED,
        "OrderLine",
        lambda d: d["properties"].update(code=d["properties"].pop("sku")),
        Break("field-removed", "/items/*/sku"),
    ),
    "a new field is required": (
        CONFIRMED,
        "OrderConfirmed",
        lambda d: (d["properties"].update(x={"type": "string"}), d["required"].append("x")),
        Break("field-became-required", "/x"),
    ),
    "an optional field becomes required": (
        CONFIRMED,
        "OrderConfirmed",
        lambda d: d["required"].append("eta"),
        Break("field-became-required", "/eta"),
    ),
    "a field may be left out": (
        CONFIRMED,
        "OrderConfirmed",
        lambda d: d["required"].remove("version"),
        Break("field-became-optional", "/version"),
    ),
    "a type changes": (
        CONFIRMED,
        "OrderConfirmed",
        lambda d: d["properties"].update(version={"type": "string"}),
        Break("type-narrowed", "/version (integer)"),
    ),
    "null is not allowed any more": (
        CONFIRMED,
        "OrderConfirmed",
        lambda d: d["properties"].update(eta=d["properties"]["eta"]["anyOf"][0]),
        Break("type-narrowed", "/eta (null)"),
    ),
    "null is allowed": (
        CONFIRMED,
        "OrderLine",
        lambda d: d["properties"].update(name={"anyOf": [{"type": "string"}, {"type": "null"}]}),
        Break("type-widened", "/items/*/name (null)"),
    ),
    "an enum loses a member": (
        CONFIRMED,
        "OrderConfirmed",
        lambda d: d["properties"]["status"]["enum"].remove("pending"),
        Break("enum-member-removed", "/status ['pending']"),
    ),
    "a limit is lowered": (
        COMMAND,
        "Line",
        lambda d: d["properties"]["quantity"].update(maximum=50),
        Break("bounds-narrowed", "/items/*/quantity"),
    ),
    "a limit is raised from below": (
        COMMAND,
        "Line",
        lambda d: d["properties"]["quantity"].update(minimum=2),
        Break("bounds-narrowed", "/items/*/quantity"),
    ),
    "a pattern comes": (
        CONFIRMED,
        "OrderConfirmed",
        lambda d: d["properties"]["order_id"].update(pattern="^o_"),
        Break("bounds-narrowed", "/order_id"),
    ),
    "unknown fields are forbidden": (
        CONFIRMED,
        "OrderConfirmed",
        lambda d: d.update(additionalProperties=False),
        Break("unknown-fields-forbidden", ""),
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_every_planted_break_is_named(name: str) -> None:
    """A check that cannot fail is a defect."""
    schema, of, do, expected = PLANTED[name]
    assert expected in change(schema, of, do)


ALLOWED: dict[str, Callable[[dict[str, Any]], object]] = {
    "nothing": lambda d: None,
    "a new optional field": lambda d: d["properties"].update(x={"type": "string", "default": ""}),
    "a new enum member": lambda d: d["properties"]["status"]["enum"].append("lost"),
    "another description": lambda d: d.update(description="x"),
}


@pytest.mark.parametrize("name", ALLOWED)
def test_what_breaks_nobody_is_allowed(name: str) -> None:
    """Readers leave alone what they do not know."""
    assert change(CONFIRMED, "OrderConfirmed", ALLOWED[name]) == []
