"""Messages are contracts: described, current, and readable in every version."""

import json

import jsonschema_rs
import pytest

from schemas import codec
from schemas.codec import EVENT_TYPES
from schemas.facts import OrderConfirmed, StockReserved
from schemas.publication import json_schemas
from schemas.topics import FACT_TOPICS, TOPICS

every_class = pytest.mark.parametrize("cls", EVENT_TYPES, ids=EVENT_TYPES.values())


@every_class
def test_the_stored_schema_is_current(cls):
    """Run `python -m schemas` after a change of a message."""
    assert json_schemas.path(cls).read_text() == json_schemas.render(cls), "stale: run python -m schemas"


@every_class
def test_every_stored_sample_is_valid(cls):
    """Write a sample TYPE.vN.json for a new message or version."""
    assert json_schemas.sample_paths(cls), (
        f"no sample: write {json_schemas.SAMPLES}/{EVENT_TYPES[cls]}.v1.json"
    )
    validator = jsonschema_rs.validator_for(json_schemas.schema(cls))
    for path in json_schemas.sample_paths(cls):
        validator.validate(json.loads(path.read_text()))


@every_class
def test_every_stored_version_is_readable(cls):
    """New code reads old records, and the schema accepts what it writes again."""
    for path in json_schemas.sample_paths(cls):
        message = codec.decode(cls, path.read_bytes())
        assert codec.decode(cls, codec.encode(message)) == message
        jsonschema_rs.validator_for(json_schemas.schema(cls)).validate(json.loads(codec.encode(message)))


@every_class
def test_new_records_conform_to_the_released_schema(cls):
    """Code that was written for the released schema reads new records; every version has a sample."""
    versions = range(1, int(json_schemas.version(cls)) + 1)
    assert [path.name for path in json_schemas.sample_paths(cls)] == [
        f"{EVENT_TYPES[cls]}.v{n}.json" for n in versions
    ]
    released = json_schemas.released_path(cls)
    if released.exists():
        validator = jsonschema_rs.validator_for(json.loads(released.read_text()))
        message = codec.decode(cls, json_schemas.sample_paths(cls)[-1].read_bytes())
        validator.validate(json.loads(codec.encode(message)))


def test_facts_have_the_fields_of_the_contract():
    """CONTRACT.md, Topics."""
    confirmed = json_schemas.schema(OrderConfirmed)["$defs"]["OrderConfirmed"]["required"]
    assert {
        "order_id",
        "restaurant_id",
        "items",
        "total",
        "idempotency_key_hash",
        "occurred_at",
        "version",
    } <= set(confirmed)
    defs = json_schemas.schema(StockReserved)["$defs"]
    assert {"restaurant_id", "order_id", "items"} <= set(defs["StockReserved"]["required"])
    assert {"sku", "quantity", "available", "version"} <= set(defs["ReservedItem"]["required"])


def test_topic_names_are_unique_and_facts_have_one_topic():
    """A fact's topic is named after its type."""
    names = [t.name for t in TOPICS]
    assert len(names) == len(set(names))
    assert all(EVENT_TYPES[cls] == topic.name for cls, topic in FACT_TOPICS.items())
