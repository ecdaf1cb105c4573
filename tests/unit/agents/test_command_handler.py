"""The command handler: records in, records out."""

from collections import Counter

import pytest

from schemas import codec
from schemas.codec import ReplyAddress
from schemas.commands import Command, PaymentResult, PutRestaurant, Tick
from schemas.identity import order_id, payment_id
from schemas.timestamps import to_text
from streams.agents import command_handler
from streams.agents.command_handler import REJECTIONS, CommandHandler
from streams.agents.dead_letters import dead_letter
from streams.exactly_once import micro_batch
from streams.exactly_once.application import Application
from streams.exactly_once.ports import Message, Output
from streams.exactly_once.position import Position
from streams.exactly_once.staging import StagedTable
from tables.registry import TABLES
from tests.support.domain.harness import NOW, POLICY, menu_item, place
from tests.support.exactly_once.memory import MemoryStore
from tests.support.poison import KINDS

APPLICATION = Application(CommandHandler(POLICY), dead_letter, REJECTIONS)


class Partition:
    """One partition of order.commands, decided a record at a time."""

    def __init__(self) -> None:
        store = MemoryStore()
        store.open("log")
        self.tables = {spec.name: StagedTable(spec.name, spec.record, store) for spec in TABLES}
        self.position = Position()
        self.results: Counter[str] = Counter()
        self.send(PutRestaurant("r1", "Cantina", 10, 1800))
        self.send(menu_item("coxinha", 5))

    def send(self, command: Command, now: int = NOW) -> list[Output]:
        headers = codec.headers(type(command), "e", codec.NO_TRACE, ReplyAddress(3, b"caller"))
        return self.put(codec.encode(command), headers, now)

    def put(
        self, value: bytes | None, headers: codec.Headers, now: int = NOW, key: bytes = b"r1"
    ) -> list[Output]:
        message = Message("order.commands", 2, self.position.offset, now, key, value, headers)
        batch = micro_batch.run(
            [message], self.position, self.tables, APPLICATION, set_aside={}, max_rejections=10, clock=now
        )
        self.position = batch.position
        self.results += batch.results
        return batch.outputs


def topics(outputs: list[Output]) -> list[str]:
    return [o.topic for o in outputs]


@pytest.mark.parametrize("kind", KINDS)
def test_an_unreadable_record_becomes_a_dead_letter(kind):
    """With its bytes, key and headers, the reason and its source; the next order is confirmed."""
    partition = Partition()
    offset = partition.position.offset
    [letter] = partition.put(KINDS[kind], [("own", b"unchanged")])
    assert (letter.topic, letter.partition, letter.key) == ("order.commands.dlq", 2, b"r1")
    assert letter.value == KINDS[kind]
    headers = dict(letter.headers)
    assert headers["own"] == b"unchanged" and headers["dlq-reason"] == b"unreadable" and headers["dlq-error"]
    assert (headers["dlq-topic"], headers["dlq-partition"]) == (b"order.commands", b"2")
    assert (headers["dlq-offset"], headers["dlq-attempts"]) == (b"%d" % offset, b"1")
    assert "order.confirmed" in topics(partition.send(place("k", ("coxinha", 1))))


def test_every_record_is_counted_once():
    """in = applied + duplicate + refused + dead + idle."""
    partition = Partition()
    partition.send(place("k", ("coxinha", 1)))
    partition.send(place("k", ("coxinha", 1)))
    partition.send(place("k", ("coxinha", 2)))
    partition.send(place("n", ("nope", 1)))
    partition.send(place("p", ("coxinha", 1), method="pix"))
    partition.send(place("p", ("coxinha", 1), method="pix"))
    partition.send(PaymentResult("r1", "o_nope", "authorise", "authorised"))
    partition.put(b"{", [])
    partition.put(codec.encode(Tick()), [], key=b"")
    assert partition.results == {"applied": 4, "duplicate": 3, "refused": 2, "dead": 1, "idle": 1}
    assert partition.results.total() == partition.position.offset


def test_a_pix_order_requests_a_payment_and_replies_later():
    """Facts and request are one transaction; the reply goes to the first caller."""
    partition = Partition()
    command = place("k", ("coxinha", 1), method="pix")
    assert topics(partition.send(command)) == ["order.created", "stock.reserved", "payment.requests"]
    payment = payment_id(command.order_id, to_text(NOW))
    outputs = partition.send(PaymentResult("r1", command.order_id, "authorise", "authorised", payment))
    assert topics(outputs) == ["order.confirmed", "order.replies"]
    assert (outputs[1].partition, dict(outputs[1].headers)["correlation-id"]) == (3, b"caller")


def test_a_tick_fires_due_timers_and_writes_a_watermark():
    """The watermark comes after the facts of the timers."""
    partition = Partition()
    partition.send(place("k", ("coxinha", 1), method="pix"))
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


def test_event_ids_are_derived_from_the_records_offset():
    """The same record decided again, after a crash, gives the same ids."""
    partition, replayed = Partition(), Partition()
    first = partition.send(place("k", ("coxinha", 1)))
    second = replayed.send(place("k", ("coxinha", 1)))
    ids = [dict(o.headers)["event-id"] for o in first]
    assert ids == [dict(o.headers)["event-id"] for o in second]
    assert len(set(ids)) == len(ids) == 4


@pytest.mark.parametrize(
    ("partition", "correlation_id"),
    [(b"1000", b"c"), (b"9" * 5_000, b"c"), ("٣".encode(), b"c"), (b"-1", b"c"), (b"3", b"c" * 100_000)],
)
def test_a_reply_goes_nowhere_if_its_address_does_not_exist(partition: bytes, correlation_id: bytes):
    """A reply to such a partition made the whole transaction fail, and it was tried without an end."""
    tested = Partition()
    headers = [("reply-partition", partition), ("correlation-id", correlation_id)]
    for value in (codec.encode(place("k", ("coxinha", 1))), b"{"):
        outputs = tested.put(value, headers)
        assert "order.replies" not in topics(outputs) and outputs


def test_a_command_that_is_set_aside_is_answered():
    """Its caller need not wait: 503 with Retry-After."""
    tested = Partition()
    headers = codec.headers(PutRestaurant, "e", codec.NO_TRACE, ReplyAddress(3, b"caller"))
    letter, reply = tested.put(b"{", headers)
    assert (letter.topic, reply.topic, reply.partition) == ("order.commands.dlq", "order.replies", 3)
    assert codec.decode_reply(reply.value).answer.outcome == "undecidable"
    assert codec.header(reply.headers, "correlation-id") == b"caller"


def test_attempts_of_thousands_of_digits_are_read_in_part():
    """int() refuses them, and the dead letter itself could not be made."""
    tested = Partition()
    (letter,) = tested.put(b"{", [("dlq-attempts", b"9" * 5_000)])
    assert letter.topic == "order.commands.dlq"


def test_a_timer_with_a_defect_holds_up_no_other(monkeypatch: pytest.MonkeyPatch):
    """It is postponed, and tried again; commands of the partition go on."""
    tested, original = Partition(), command_handler.fire
    for name in ("a", "b"):
        tested.send(place(name, ("coxinha", 1), method="pix"))
    broken = order_id("r1", "a")

    def fire(state, timer, now, policy):
        if timer.subject == broken and timer.kind == "reservation":
            raise KeyError("defect")
        return original(state, timer, now, policy)

    monkeypatch.setattr(command_handler, "fire", fire)
    later = NOW + POLICY.reservation_seconds * 1000
    assert topics(tested.send(Tick(), later)).count("order.failed") == 1
    assert topics(tested.send(Tick(), later + 1_000)).count("order.failed") == 0
    monkeypatch.setattr(command_handler, "fire", original)
    assert topics(tested.send(Tick(), later + 61_000)).count("order.failed") == 1
    assert tested.results["dead"] == 0
