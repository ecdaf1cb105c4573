"""The AsyncAPI 3 document describes the topics as they are."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from schemas.publication import asyncapi
from schemas.topics import DEAD_LETTER_TOPICS, FACT_TOPICS, ORDER_COMMANDS, PAYMENT_REQUESTS

DOCUMENT = asyncapi.document()
#: Where `npm install --prefix build/asyncapi @asyncapi/parser` puts the reference parser.
PARSER = Path("build/asyncapi/node_modules/@asyncapi/parser")
_PARSE = """
const {Parser} = require('./node_modules/@asyncapi/parser');
new Parser().parse(require('fs').readFileSync(0, 'utf8')).then(({document, diagnostics}) => {
  const errors = diagnostics.filter(d => d.severity === 0).map(d => d.path.join('/') + ': ' + d.message);
  console.log(JSON.stringify({parsed: document !== undefined, errors}));
});
"""


def test_the_stored_document_is_current() -> None:
    """Run `python -m schemas` after a change of a topic or a message."""
    assert asyncapi.FILE.read_text() == asyncapi.render(), "stale: run python -m schemas"


def test_every_public_topic_is_described() -> None:
    """CONTRACT.md, Topics."""
    topics = [ORDER_COMMANDS, PAYMENT_REQUESTS, *FACT_TOPICS.values(), *DEAD_LETTER_TOPICS.values()]
    assert set(DOCUMENT["channels"]) == {topic.name for topic in topics} == set(DOCUMENT["operations"])


def references(value: Any) -> set[str]:
    if isinstance(value, list):
        return set().union(*map(references, value))
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*map(references, value.values()))
    return set()


def test_every_reference_resolves() -> None:
    """A `$ref` names a part of the document."""
    for reference in references(DOCUMENT):
        found: Any = DOCUMENT
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]


@pytest.mark.parametrize("name", DOCUMENT["components"]["messages"])
def test_examples_conform_to_their_schemas(name: str) -> None:
    """They are the stored samples of the newest versions."""
    message = DOCUMENT["components"]["messages"][name]
    validator = jsonschema_rs.validator_for(message["payload"] | {"components": DOCUMENT["components"]})
    for example in message.get("examples", ()):
        validator.validate(example["payload"])
    assert name == "dead-letter" or message["examples"]


def test_a_discriminator_is_the_name_of_a_property() -> None:
    """AsyncAPI 3, Schema Object: a string; msgspec writes the object that OpenAPI has."""
    put = DOCUMENT["components"]["schemas"]["ReplicateCatalogue"]["properties"]["put"]
    assert put["discriminator"] == "type"


def test_the_reference_parser_finds_no_error() -> None:
    """The parser of the AsyncAPI project."""
    node = shutil.which("node")
    if node is None or not PARSER.exists():
        pytest.skip("needs node, and npm install --prefix build/asyncapi @asyncapi/parser")
    done = subprocess.run(
        [node, "-e", _PARSE],
        input=asyncapi.render(),
        capture_output=True,
        text=True,
        check=True,
        cwd=PARSER.parents[2],
    )
    assert json.loads(done.stdout) == {"parsed": True, "errors": []}
