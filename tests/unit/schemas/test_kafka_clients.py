"""Kafka clients: one place that makes them, with the options that every one of them needs."""

import ast
from pathlib import Path
from typing import Any

import pytest

from schemas.kafka_connection import KafkaConnection
from schemas.runtime import kafka_clients

ROOT = Path(__file__).parents[3]
PRODUCT = ("schemas", "tables", "streams", "ingress", "egress", "compose")
CLIENTS = {"AIOKafkaConsumer", "AIOKafkaProducer", "AIOKafkaAdminClient"}
FACTORY = "schemas/runtime/kafka_clients.py"
CONNECTION = KafkaConnection("kafka-1:9092,kafka-2:9092")


def constructions() -> set[str]:
    """Return the product modules that call the constructor of a client."""
    return {
        str(file.relative_to(ROOT))
        for folder in PRODUCT
        for file in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and _name(node.func) in CLIENTS
    }


def _name(called: ast.expr) -> str:
    return called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The arguments of each client that is made."""
    arguments: list[dict[str, Any]] = []
    for name in CLIENTS:
        monkeypatch.setattr(kafka_clients, name, lambda *topics, **options: arguments.append(options))
    return arguments


def test_clients_are_made_in_one_place() -> None:
    """A security setting that one client lacks is a hole."""
    assert constructions() == {FACTORY}


def test_every_client_connects_by_the_connection(made: list[dict[str, Any]]) -> None:
    """Consumers, producers and administrators use the options of the connection."""
    kafka_clients.make_consumer(CONNECTION, "t")
    kafka_clients.make_producer(CONNECTION)
    kafka_clients.make_producer(CONNECTION, transactional_id="id")
    kafka_clients.make_admin_client(CONNECTION)
    assert [options["bootstrap_servers"] for options in made] == [CONNECTION.bootstrap_servers] * 4


def test_consumers_read_what_is_committed(made: list[dict[str, Any]]) -> None:
    """Contract: readers use `read_committed`; only the consumer that did the work commits its offset."""
    kafka_clients.make_consumer(CONNECTION, "t")
    (options,) = made
    assert options["isolation_level"] == "read_committed" and not options["enable_auto_commit"]
    assert options["auto_offset_reset"] == "earliest"


def test_producers_lose_and_repeat_nothing(made: list[dict[str, Any]]) -> None:
    """Idempotent, or transactional, and acknowledged by all replicas."""
    kafka_clients.make_producer(CONNECTION)
    kafka_clients.make_producer(CONNECTION, transactional_id="id")
    assert all(options["acks"] == "all" for options in made)
    assert made[0]["enable_idempotence"] and made[1]["transactional_id"] == "id"
