"""The shell of the domain: records in, records out."""

from collections import Counter

import pytest

from schemas import codec
from schemas.codec import ReplyAddress
from schemas.commands import Command, PaymentResult, PutRestaurant, Tick
from streams.agents.commands import CommandFunction
from streams.agents.dead_letters import dead_letter
from streams.exactly_once import batch
from streams.exactly_once.ports import Message, Output
from streams.exactly_once.position import Position
from streams.exactly_once.staging import StagedTable
from tables.registry import TABLES
from tests.domain.world import NOW, POLICY, menu_item, place
from tests.exactly_once.memory import MemoryStore
from tests.poison import KINDS


class Partition:
    """One partition of order.commands, decided a record at a time."""

    def __init__(self) -> None:
        store = MemoryStore()
        store.open("log")
        self.tables = {spec.name: StagedTable(spec.name, spec.record, store) for spec in TABLES}
        self.position = Position()
        self.results: Counter[str] = Counter()
        self.ask(PutRestaurant("r1", "Cantina", 10, 1800))
        self.ask(menu_item("coxinha", 5))

    def ask(self, command: Command, now: int = NOW) -> list[Output]:
        headers = codec.headers(type(command), "e", codec.NO_TRACE, ReplyAddress(3, b"me"))
        return self.put(codec.encode(command), headers, now)

    def put(
        self, value: bytes | None, headers: codec.Headers, now: int = NOW, key: bytes = b"r1"
    ) -> list[Output]:
        message = Message("order.commands", 2, self.position.offset, now, key, value, headers)
        done = batch.run([message], self.position, self.tables, CommandFunction(POLICY), dead_letter)
        self.position = done.position
        self.results += done.results
        return done.outputs


def topics(outputs: list[Output]) -> list[str]:
    return [o.topic for o in outputs]


@pytest.mark.parametrize("kind", KINDS)
def test_what_cannot_be_read_is_set_aside_and_the_next_order_is_confirmed(kind):
    """Its bytes, key and headers stay as they were, with the reason and the place it came from."""
    partition = Partition()
    offset = partition.position.offset
    [letter] = partition.put(KINDS[kind], [("mine", b"kept")])
    assert (letter.topic, letter.partition, letter.key) == ("order.commands.dlq", 2, b"r1")
    assert letter.value == KINDS[kind]
    headers = dict(letter.headers)
    assert headers["mine"] == b"kept" and headers["dlq-reason"] == b"unreadable" and headers["dlq-error"]
    assert (headers["dlq-topic"], headers["dlq-partition"]) == (b"order.commands", b"2")
    assert (headers["dlq-offset"], headers["dlq-attempts"]) == (b"%d" % offset, b"1")
    assert "order.confirmed" in topics(partition.ask(place("k", ("coxinha", 1))))


def test_every_record_that_was_read_is_counted_once():
    """in = applied + duplicate + refused + dead."""
    partition = Partition()
    partition.ask(place("k", ("coxinha", 1)))
    partition.ask(place("k", ("coxinha", 1)))
    partition.ask(place("k", ("coxinha", 2)))
    partition.ask(place("n", ("nope", 1)))
    partition.ask(place("p", ("coxinha", 1), method="pix"))
    partition.ask(place("p", ("coxinha", 1), method="pix"))
    partition.ask(PaymentResult("r1", "o_nope", "authorise", "authorised"))
    partition.put(b"{", [])
    partition.put(codec.encode(Tick()), [], key=b"")
    assert partition.results == {"applied": 5, "duplicate": 3, "refused": 2, "dead": 1}
    assert partition.results.total() == partition.position.offset


def test_an_order_by_pix_asks_the_gateway_and_answers_when_it_has_answered():
    """Facts and request are one transaction; the reply goes to the address of the first asker."""
    partition = Partition()
    command = place("k", ("coxinha", 1), method="pix")
    assert topics(partition.ask(command)) == ["order.created", "stock.reserved", "payment.requests"]
    outputs = partition.ask(PaymentResult("r1", command.order_id, "authorise", "authorised"))
    assert topics(outputs) == ["order.confirmed", "order.replies"]
    assert (outputs[1].partition, dict(outputs[1].headers)["correlation-id"]) == (3, b"me")


def test_a_tick_fires_what_is_due_and_tells_how_late_it_is():
    """The watermark comes after the facts of what it fired."""
    partition = Partition()
    partition.ask(place("k", ("coxinha", 1), method="pix"))
    later = NOW + POLICY.reservation_seconds * 1000
    outputs = partition.put(codec.encode(Tick()), [], now=later, key=b"")
    assert topics(outputs) == [
        "order.failed",
        "stock.released",
        "payment.requests",
        "order.replies",
        "view.watermarks",
    ]
    assert topics(partition.put(codec.encode(Tick()), [], now=later, key=b"")) == ["view.watermarks"]


def test_event_ids_are_of_the_records_place_and_never_repeat():
    """The same record decided again, after a crash, gives the same ids."""
    partition, again = Partition(), Partition()
    first = partition.ask(place("k", ("coxinha", 1)))
    second = again.ask(place("k", ("coxinha", 1)))
    ids = [dict(o.headers)["event-id"] for o in first]
    assert ids == [dict(o.headers)["event-id"] for o in second]
    assert len(set(ids)) == len(ids) == 4
