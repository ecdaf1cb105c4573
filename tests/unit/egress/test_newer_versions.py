"""A record of a newer version: every reader waits for a release that knows it. None skips it, none buries it."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from egress.export.exporter import Exporter
from egress.export.parquet_folder import ParquetFolder
from egress.kafka.group_worker import HELD_INTERVAL_SECONDS
from egress.kafka.records import Record
from egress.notifications.delivery_worker import DeliveryWorker
from egress.notifications.dispatcher import Dispatcher
from egress.notifications.recipients import RecipientRegistry
from egress.payments.executor import PaymentExecutor
from egress.payments.worker import PaymentWorker
from egress.projections.projector import Projector
from egress.reconcile import job
from egress.resilience.circuit_breaker import CircuitBreaker
from egress.resilience.retry_budget import RetryBudget
from ingress.commands.reply_consumer import ReplyConsumer
from schemas import codec
from schemas.codec import EVENT_TYPES, NewerVersionError
from schemas.kafka_connection import KafkaConnection
from schemas.orders import Order
from schemas.replies import Answer, Reply
from schemas.runtime.reconnect import STOPPED_SECONDS, run_reconnecting
from tests.support.egress.dict_store import DictStore
from tests.support.egress.fake_consumer import FakeConsumer, FakeFactConsumer
from tests.support.egress.fake_dead_letters import FakeDeadLetters
from tests.support.egress.metric_values import value as metric
from tests.support.egress.running import running
from tests.support.notifications.fakes import FakeChannel, FakeDeliveryProducer, InMemoryDeliveryStates
from tests.support.notifications.messages import (
    Browser,
    confirmed,
    record,
    restaurant_changed,
    webhook_delivery,
)
from tests.support.payments.fakes import P0, FakeProvider, FakeResultProducer, request
from tests.support.virtual_clock import in_virtual_time
from tests.support.waiting import eventually


def newer(message: object) -> Record:
    """Return the record of a message whose version no release knows yet."""
    written = record(message)
    headers = [(k, b"99" if k == "schema-version" else v) for k, v in written.headers]
    return replace(written, headers=headers)


@pytest.mark.parametrize("cls", EVENT_TYPES, ids=EVENT_TYPES.values())
def test_each_message_has_a_newest_version_that_is_known(cls: type) -> None:
    """What this release writes, it reads."""
    own = codec.headers(cls, "e", codec.NO_TRACE)
    codec.require_known_version(own)
    with pytest.raises(NewerVersionError):
        codec.require_known_version([("event-type", EVENT_TYPES[cls].encode()), ("schema-version", b"99")])


@pytest.mark.parametrize("headers", [None, [], [("schema-version", b"1")], [("schema-version", b"99")]])
def test_a_record_of_no_known_type_is_for_its_decoder(headers: codec.Headers | None) -> None:
    """A record without headers has version 1; one of another type cannot be decoded, and becomes a dead letter."""
    codec.require_known_version(headers)


@in_virtual_time
async def test_the_projector_stops_at_a_newer_fact() -> None:
    """A view made of half of a fact would stay wrong: its version would be the newest."""
    store, dead_letters, facts = DictStore(), FakeDeadLetters(), FakeFactConsumer(3)
    facts.append_record(newer(confirmed()))
    with pytest.raises(NewerVersionError):
        await Projector(facts, store, dead_letters).run()
    positions = [value for fields in store.hashes.values() for value in fields.values()]
    assert set(positions) == {b"0"}
    assert dead_letters.letters == []


@in_virtual_time
async def test_the_dispatcher_stops_at_a_newer_fact() -> None:
    """It does not commit it: the next release notifies."""
    facts, producer = FakeConsumer(), FakeDeliveryProducer()
    facts.append_record(newer(confirmed()))

    async def catch_up() -> None: ...

    with pytest.raises(NewerVersionError):
        await Dispatcher(facts, catch_up, [], producer).run()
    assert (facts.committed, producer.records) == ({}, [])


@pytest.mark.parametrize(
    "message", [Browser("https://push.example/1").subscription(), restaurant_changed("https://a.example/")]
)
def test_the_recipient_registry_stops_at_a_newer_record(message: object) -> None:
    """A subscription or a webhook that is skipped is one that gets nothing until the next start."""
    with pytest.raises(NewerVersionError):
        RecipientRegistry().apply(newer(message))


@in_virtual_time
async def test_a_newer_payment_request_is_held() -> None:
    """Other payments are carried out; no commit passes the one that waits, and the alarm goes on."""
    before = metric("promo_newer_records_total", reader="payment worker")
    requests, results, dead_letters = FakeConsumer(), FakeResultProducer(), FakeDeadLetters()
    headers = codec.headers(type(request("o1")), "id", codec.NO_TRACE)
    for order in ("o1", "o2", "o3"):
        version = b"99" if order == "o2" else b"1"
        own = [(k, version if k == "schema-version" else v) for k, v in headers]
        requests.append(P0, codec.encode(request(order)), b"r1", own)
    executor = PaymentExecutor(FakeProvider(), CircuitBreaker("test"), RetryBudget())
    async with running(PaymentWorker(requests, results, dead_letters, executor).run()):
        await asyncio.sleep(2.5 * HELD_INTERVAL_SECONDS)
    assert [order for order, _, _ in results.results] == ["o1", "o3"]
    assert requests.committed[P0] == requests.records[P0][1].offset
    assert dead_letters.letters == []
    assert metric("promo_newer_records_total", reader="payment worker") == before + 3


@in_virtual_time
async def test_a_newer_delivery_is_held() -> None:
    """The deliveries beside it are made."""
    deliveries, dead_letters, channel = FakeConsumer(), FakeDeadLetters(), FakeChannel()
    deliveries.append_record(newer(webhook_delivery("o1")))
    deliveries.append_record(replace(record(webhook_delivery("o2")), timestamp=2**42))

    async def catch_up() -> None: ...

    worker = DeliveryWorker(deliveries, catch_up, InMemoryDeliveryStates(), dead_letters, [channel])
    async with running(worker.run()):
        await eventually(lambda: channel.delivered == ["o2"])
        await asyncio.sleep(10)
    assert set(deliveries.committed.values()) == {0}
    assert dead_letters.letters == []


def test_the_export_stops_at_a_newer_fact(tmp_path: Path) -> None:
    """A file without a fact looks complete."""
    with pytest.raises(NewerVersionError):
        Exporter(ParquetFolder(tmp_path)).add([newer(confirmed())])


def test_the_comparison_of_payments_stops_at_a_newer_fact() -> None:
    """It is no unreadable one, which would be counted and left out."""
    orders: list[Order] = []
    with pytest.raises(NewerVersionError):
        orders.extend(job._orders([newer(confirmed())]))
    assert orders == []


def test_a_newer_reply_is_no_reply() -> None:
    """Its request is answered as if the reply were lost. The replies behind it are read."""
    delivered: list[bytes] = []
    consumer = ReplyConsumer(
        KafkaConnection("127.0.0.1:1"), 0, lambda caller, reply: delivered.append(caller)
    )
    before = metric("promo_newer_records_total", reader="reply consumer")
    for caller, version in ((b"a", b"1"), (b"b", b"2"), (b"c", b"1"), (b"d", b"x")):
        headers = [("event-type", b"reply"), ("schema-version", version), ("correlation-id", caller)]
        value = codec.encode(Reply(Answer("confirmed")))
        consumer._handle(SimpleNamespace(headers=headers, value=value, offset=7))
    assert delivered == [b"a", b"c"]
    assert metric("promo_newer_records_total", reader="reply consumer") == before + 1


@in_virtual_time
async def test_a_stopped_reader_reads_the_record_again(caplog: pytest.LogCaptureFixture) -> None:
    """After a rebalance the partition may be that of a process which knows the version. Other parts go on."""
    before = metric("promo_newer_records_total", reader="reader")
    times: list[float] = []

    async def session(connected: Callable[[], None]) -> None:
        times.append(asyncio.get_running_loop().time())
        connected()
        if len(times) < 3:
            raise NewerVersionError("order.created of version 3; this release knows 2")

    await run_reconnecting("reader", session)
    assert [round(later - times[0]) for later in times] == [0, STOPPED_SECONDS, 2 * STOPPED_SECONDS]
    assert metric("promo_newer_records_total", reader="reader") == before + 2
    assert "reader stopped: order.created of version 3; this release knows 2" in caplog.text
