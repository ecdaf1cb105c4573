"""A command or a state of a newer release is not decided; what waits is decided by the worker that knows it."""

import pytest

from schemas import codec
from schemas.codec import ReplyAddress
from schemas.commands import Command, PaymentResult, PutRestaurant, Tick
from streams.agents.command_handler import REJECTIONS, CommandHandler, NewerCommandError
from streams.agents.dead_letters import dead_letter
from streams.exactly_once import micro_batch
from streams.exactly_once.application import Application
from streams.exactly_once.micro_batch import MicroBatch
from streams.exactly_once.ports import Message
from streams.exactly_once.position import Position
from streams.exactly_once.record_codec import NewerStateError
from streams.exactly_once.staging import StagedTable
from tables.registry import TABLES, key
from tests.support.domain.harness import NOW, POLICY, menu_item, place
from tests.support.exactly_once.memory import MemoryStore


class Partition:
    """One partition of order.commands, whose state is stored after each command."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.store.open("log")
        self.position = Position()

    def send(self, command: Command, version: bytes | None = None, now: int = NOW) -> MicroBatch:
        headers = dict(codec.headers(type(command), "e", codec.NO_TRACE, ReplyAddress(3, b"caller")))
        if version is not None:
            headers["schema-version"] = version
        tables = {spec.name: StagedTable(spec.name, spec.record, self.store) for spec in TABLES}
        record_key = b"" if isinstance(command, Tick) else command.restaurant_id.encode()
        message = Message(
            "order.commands",
            2,
            self.position.offset,
            now,
            record_key,
            codec.encode(command),
            list(headers.items()),
        )
        application = Application(CommandHandler(POLICY), dead_letter, REJECTIONS)
        batch = micro_batch.run(
            [message], self.position, tables, application, set_aside={}, max_rejections=10, clock=now
        )
        self.position = batch.position
        changes = dict(change for table in tables.values() for change in table.changes())
        self.store.apply(changes, 1)
        return batch

    def label_newer(self, stored_key: bytes) -> None:
        """Let a newer release have written a record."""
        value = self.store.data[stored_key]
        assert value.startswith(b'{"$v":"1.')
        self.store.data[stored_key] = value.replace(b'{"$v":"1.', b'{"$v":"2.', 1)


@pytest.fixture
def partition() -> Partition:
    partition = Partition()
    partition.send(PutRestaurant("r1", "Cantina", 10, 1800))
    partition.send(menu_item("coxinha", 5))
    return partition


def topics(batch: MicroBatch) -> set[str]:
    return {output.topic for output in batch.outputs}


@pytest.mark.parametrize("version", [b"3", b"10", b"000000004"])
def test_a_newer_command_is_not_decided(partition, version):
    """Fault 13: an old worker took a new PlaceOrder, and ignored what it did not know."""
    batch = partition.send(place("k", ("coxinha", 1)), version)
    assert batch.blocked is not None and batch.blocked.cause == "stop"
    assert isinstance(batch.blocked.error, NewerCommandError)
    assert str(batch.blocked.error) == f"place-order of version {int(version)}; this release knows 2"
    assert (batch.outputs, batch.processed) == ([], 0)


@pytest.mark.parametrize("version", [b"1", b"2", None])
def test_a_known_version_is_decided(partition, version):
    """Earlier ones are read as well."""
    assert "order.confirmed" in topics(partition.send(place("k", ("coxinha", 1)), version))


@pytest.mark.parametrize("version", [b"", b"two", b"-1", b"9" * 50, "３".encode()])
def test_a_version_that_is_no_number_is_the_record_s_fault(partition, version):
    """No release writes one, so no release would ever decide it."""
    batch = partition.send(place("k", ("coxinha", 1)), version)
    assert topics(batch) == {"order.commands.dlq", "order.replies"}


def test_a_newer_order_stops_a_command_that_touches_it(partition):
    """Other orders of the restaurant are decided until then."""
    command = place("k", ("coxinha", 1), method="pix")
    partition.send(command)
    partition.label_newer(b"orders\0" + key("r1", command.order_id).encode())
    assert partition.send(place("other", ("coxinha", 1))).blocked is None
    result = PaymentResult("r1", command.order_id, "authorise", "authorised")
    batch = partition.send(result)
    assert batch.blocked is not None and isinstance(batch.blocked.error, NewerStateError)
    assert batch.outputs == []


def test_a_newer_order_stops_the_tick_that_fires_its_timer(partition):
    """It is not postponed as a defect of the release is: the next release fires it in time."""
    command = place("k", ("coxinha", 1), method="pix")
    partition.send(command)
    partition.label_newer(b"orders\0" + key("r1", command.order_id).encode())
    batch = partition.send(Tick(), now=NOW + 10 * POLICY.reservation_seconds * 1000)
    assert batch.blocked is not None and isinstance(batch.blocked.error, NewerStateError)


def test_a_decision_keeps_the_fields_of_the_next_release(partition):
    """The stock is decided without `held_back`; the state has it after the reservation."""
    stored_key = b"stocks\0" + key("r1", "coxinha").encode()
    value = partition.store.data[stored_key]
    newer = value.replace(value[: value.index(b",")], b'{"$v":"1.ffffffff","held_back":3', 1)
    partition.store.data[stored_key] = newer
    assert "order.confirmed" in topics(partition.send(place("k", ("coxinha", 2))))
    stored = partition.store.data[stored_key]
    assert stored.startswith(b'{"$v":"1.ffffffff"') and b'"held_back":3' in stored
    assert b'"reserved":2' in stored
