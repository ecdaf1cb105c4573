"""Messages are contracts: written down, current, and readable in every version."""

import json

import jsonschema_rs
import pytest

from schemas import codec, publish
from schemas.codec import EVENT_TYPES
from schemas.topics import FACT_TOPICS, TOPICS

every_class = pytest.mark.parametrize("cls", EVENT_TYPES, ids=EVENT_TYPES.values())


@every_class
def test_the_schema_on_file_is_the_one_in_force(cls):
    """Run `python -m schemas` after a change of a message."""
    assert publish.path(cls).read_text() == publish.text(cls), "stale: run python -m schemas"


@every_class
def test_there_is_a_stored_sample_and_it_is_valid(cls):
    """Write schemas/samples/TYPE.vN.json for a new message or version."""
    assert publish.sample_paths(cls), f"no sample: write {publish.SAMPLES}/{EVENT_TYPES[cls]}.v1.json"
    validator = jsonschema_rs.validator_for(publish.schema(cls))
    for path in publish.sample_paths(cls):
        validator.validate(json.loads(path.read_text()))


@every_class
def test_every_stored_version_is_read_and_what_is_written_is_read_again(cls):
    """Both ways: old records by new code, new records by the schema."""
    for path in publish.sample_paths(cls):
        message = codec.decode(cls, path.read_bytes())
        assert codec.decode(cls, codec.encode(message)) == message
        jsonschema_rs.validator_for(publish.schema(cls)).validate(json.loads(codec.encode(message)))


@every_class
def test_every_version_has_a_sample_and_new_records_fit_the_released_schema(cls):
    """The other way: who was written for the schema that was released reads what is written now."""
    versions = range(1, int(publish.version(cls)) + 1)
    assert [path.name for path in publish.sample_paths(cls)] == [
        f"{EVENT_TYPES[cls]}.v{n}.json" for n in versions
    ]
    released = publish.released_path(cls)
    if released.exists():
        validator = jsonschema_rs.validator_for(json.loads(released.read_text()))
        message = codec.decode(cls, publish.sample_paths(cls)[-1].read_bytes())
        validator.validate(json.loads(codec.encode(message)))


def test_the_facts_have_what_the_contract_promises():
    """contract.md, Topics."""
    confirmed = publish.schema(codec.CLASSES["order.confirmed"])["$defs"]["OrderConfirmed"]["required"]
    assert {
        "order_id",
        "restaurant_id",
        "items",
        "total",
        "idempotency_key_hash",
        "occurred_at",
        "version",
    } <= set(confirmed)
    defs = publish.schema(codec.CLASSES["stock.reserved"])["$defs"]
    assert {"restaurant_id", "order_id", "items"} <= set(defs["StockReserved"]["required"])
    assert {"sku", "quantity", "available", "version"} <= set(defs["ReservedItem"]["required"])


def test_topics_have_one_name_each_and_facts_one_topic_each():
    """The registry is the list."""
    names = [t.name for t in TOPICS]
    assert len(names) == len(set(names))
    assert all(EVENT_TYPES[cls] == topic.name for cls, topic in FACT_TOPICS.items())
