"""The state of the last release is read, rewritten and read by it again; that of the next one loses nothing here."""

import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pytest

from streams.exactly_once.record_codec import RecordCodec, RecordVersions
from tables import json_schemas
from tables.registry import TABLES, TableSpec
from tests.unit.schemas.breaking_changes import BreakingChange, find_breaking_changes

every_table = pytest.mark.parametrize("spec", TABLES, ids=lambda spec: spec.name)

#: The label of a release that has more fields.
NEXT = "1.ffffffff"
PLANTED = {"held_back": 5, "by_channel": {"app": [1, {"x": None}]}}


def codec_of(spec: TableSpec[Any]) -> RecordCodec[Any]:
    return RecordCodec(spec.record, RecordVersions(spec.written_version, spec.known_version))


def rewrite(spec: TableSpec[Any], raw: bytes) -> dict[str, Any]:
    """Return the JSON that this release writes after it has read a record."""
    codec = codec_of(spec)
    rewritten = codec.encode(*codec.decode(raw))
    assert codec.decode(rewritten).record == codec.decode(raw).record
    return json.loads(rewritten)


def sample_path(spec: TableSpec[Any], version: int) -> Path:
    """Return the file of a stored record of a version."""
    return json_schemas.FOLDER.parent / "samples" / f"{spec.name}.v{version}.json"


def sample(spec: TableSpec[Any]) -> dict[str, Any]:
    return json.loads(sample_path(spec, spec.written_version).read_text())


@every_table
def test_the_stored_schema_is_current(spec):
    """Run `python -m tables` after a change of a record."""
    assert json_schemas.path(spec).read_text() == json_schemas.render(spec), "stale: run python -m tables"


@every_table
def test_every_version_has_a_sample_that_is_valid(spec):
    """Write a sample TABLE.vN.json for a new table or version."""
    validator = jsonschema_rs.validator_for(json_schemas.schema(spec))
    for version in range(1, spec.known_version + 1):
        validator.validate(json.loads(sample_path(spec, version).read_text()))


@every_table
def test_the_last_release_reads_what_this_one_rewrites(spec):
    """A rollback. The last release had no labels, and ignores what it does not know."""
    raw = sample_path(spec, spec.written_version).read_bytes()
    rewritten = rewrite(spec, raw)
    label = rewritten.pop("$v")
    assert label.startswith(f"{spec.written_version}.")
    assert rewritten == json.loads(raw)
    as_read = msgspec.json.decode(json.dumps({"$v": label, **rewritten}), type=spec.record)
    assert as_read == msgspec.json.decode(raw, type=spec.record)
    released = json_schemas.released_path(spec)
    if released.exists():
        jsonschema_rs.validator_for(json.loads(released.read_text())).validate(rewritten)


@every_table
def test_this_release_keeps_every_field_of_the_next_one(spec):
    """Fault 13, with a field planted into each object of the record, and into all of them at once."""
    objects = len(list(_objects(sample(spec), json_schemas.schema(spec))))
    assert objects >= 1
    for planted in [*([number] for number in range(objects)), range(objects)]:
        record = deepcopy(sample(spec))
        found = list(_objects(record, json_schemas.schema(spec)))
        for number in planted:
            found[number].update(PLANTED)
        newer = {"$v": NEXT, **record}
        assert rewrite(spec, msgspec.json.encode(newer)) == newer


def _objects(value: Any, schema: dict[str, Any], defs: Any = None) -> Iterator[dict[str, Any]]:
    """Yield the objects in a value that are of a class, by its JSON Schema."""
    defs = defs or schema.get("$defs", {})
    for option in schema.get("anyOf", [schema]):
        choice = defs[option["$ref"].rpartition("/")[2]] if "$ref" in option else option
        if isinstance(value, dict) and choice.get("type") == "object":
            if "properties" in choice:
                yield value
            for name, member in list(value.items()):
                inner = choice.get("properties", {}).get(name, choice.get("additionalProperties"))
                if isinstance(inner, dict):
                    yield from _objects(member, inner, defs)
        elif isinstance(value, list) and isinstance(choice.get("items"), dict):
            for member in value:
                yield from _objects(member, choice["items"], defs)


@every_table
def test_no_change_breaks_a_released_table(spec):
    """A worker of the last release reads what this one writes, and this one reads what is stored."""
    released = json_schemas.released_path(spec)
    if not released.exists():
        pytest.skip(f"version {spec.written_version} of {spec.name} is not released yet")
    found = breaking_changes(json.loads(released.read_text()), json_schemas.schema(spec))
    assert not found, f"{spec.name} breaks the last release: {found}; make it a new version"


def breaking_changes(old: dict[str, Any], new: dict[str, Any]) -> list[BreakingChange]:
    """Return what breaks one of the two releases, which both read and write: a message has readers that only read."""
    back = find_breaking_changes(new, old)
    narrowed = [change for change in back if change.rule in ("enum-member-removed", "bounds-narrowed")]
    return find_breaking_changes(old, new) + narrowed


def test_a_new_status_breaks_the_release_before():
    """It decodes no order of that status, so the partition would stop in the middle of a deploy."""
    [spec] = [spec for spec in TABLES if spec.name == "orders"]
    old = json_schemas.schema(spec)
    new = deepcopy(old)
    new["$defs"]["Order"]["properties"]["status"]["enum"].append("lost")
    assert breaking_changes(old, new) == [BreakingChange("enum-member-removed", "/status ['lost']")]
    new = deepcopy(old)
    new["$defs"]["Order"]["properties"]["held_back"] = {"type": "integer", "default": 0}
    assert breaking_changes(old, new) == []


@every_table
def test_a_version_is_known_to_a_release_before_it_is_written(spec):
    """The two steps: the last release stops at what it does not know."""
    released = json.loads(json_schemas.KNOWN_VERSIONS.read_text()).get(spec.name, 1)
    assert spec.written_version <= released <= spec.known_version
