"""One order is one trace: request, Kafka, payment, views."""

import asyncio

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from egress.kafka.records import Partition
from egress.payments.executor import PaymentExecutor
from egress.payments.worker import PaymentWorker
from egress.projections.projector import Projector
from egress.resilience.circuit_breaker import CircuitBreaker
from egress.resilience.retry_budget import RetryBudget
from schemas import codec
from schemas.commands import Command, PaymentResult, PutRestaurant, Tick
from schemas.identity import payment_id
from schemas.telemetry import tracing
from schemas.timestamps import to_text
from schemas.topics import FACT_TOPICS, ORDER_COMMANDS, ORDER_CONFIRMED, PAYMENT_REQUESTS, WATERMARKS
from streams.agents.command_handler import CommandHandler
from streams.agents.dead_letters import dead_letter
from streams.exactly_once import traces
from streams.exactly_once.application import Application
from streams.exactly_once.ports import Message, Output
from streams.exactly_once.processor import Processor
from streams.exactly_once.staging import StagedTable
from tables.registry import TABLES
from tests.support.domain.harness import NOW, POLICY, menu_item
from tests.support.egress.dict_store import DictStore
from tests.support.egress.fake_consumer import FakeFactConsumer
from tests.support.egress.fake_dead_letters import FakeDeadLetters
from tests.support.egress.running import running
from tests.support.exactly_once.memory import MemoryBroker, MemoryLog, MemoryStore
from tests.support.ingress.fakes import FakeProducer
from tests.support.ingress.samples import order_body
from tests.support.payments.fakes import P0, FakeProvider, FakeRequestConsumer, FakeResultProducer
from tests.support.waiting import eventually
from tests.unit.ingress.conftest import Client

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
GIVEN = f"00-{TRACE}-00f067aa0ba902b7-01"


class Streams:
    """One partition of a stream worker, over a log in memory."""

    def __init__(self) -> None:
        self.broker, store = MemoryBroker(), MemoryStore()
        self.processor = Processor(
            name="order.commands-0",
            log_of_partition=MemoryLog(self.broker),
            store=store,
            tables={spec.name: StagedTable(spec.name, spec.record, store) for spec in TABLES},
            application=Application(CommandHandler(POLICY), dead_letter),
            log_identity="log",
            on_committed=traces.record_committed,
        )

    async def decide(self, command: Command, headers: codec.Headers) -> list[Output]:
        """Return the records of the command's transaction."""
        offset, before = len(self.broker.inputs), len(self.broker.outputs)
        value = codec.encode(command)
        self.broker.inputs.append(Message(ORDER_COMMANDS.name, 0, offset, NOW, b"r1", value, headers))
        self.processor.feed(self.broker.inputs[-1:])
        working = asyncio.ensure_future(self.processor.run())
        await eventually(lambda: self.processor.position.offset == offset + 1)
        self.processor.stop()
        await working
        await self.processor.take_over()
        return self.broker.outputs[before:]


async def project(outputs: list[Output]) -> None:
    """Let egress project these records."""
    facts = FakeFactConsumer(0)
    names = {topic.name for topic in (*FACT_TOPICS.values(), WATERMARKS)}
    for output in outputs:
        if output.topic in names:
            facts.append(Partition(output.topic, 0), output.value, output.key, output.headers)
    async with running(Projector(facts, DictStore(), FakeDeadLetters()).run()):
        await eventually(lambda: facts.is_all_read and len(facts.reads) > 2)


async def pay(outputs: list[Output]) -> list[bytes]:
    """Let the payment worker execute the requests; return the trace contexts of its results."""
    requests, results = FakeRequestConsumer(), FakeResultProducer()
    for output in outputs:
        if output.topic == PAYMENT_REQUESTS.name:
            requests.append(P0, output.value, output.key, list(output.headers))
    executor = PaymentExecutor(
        FakeProvider(), CircuitBreaker("traced"), RetryBudget(), now=lambda: NOW / 1000
    )
    async with running(PaymentWorker(requests, results, FakeDeadLetters(), executor).run()):
        await eventually(lambda: results.traces)
    return results.traces


def chain(spans: list[ReadableSpan], name: str) -> list[str]:
    """Return the names from the first span of a trace to the last of this name."""
    by_id = {span.context.span_id: span for span in spans}
    span = next(s for s in reversed(spans) if s.name == name)
    names = [span.name]
    while span.parent is not None and span.parent.span_id in by_id:
        span = by_id[span.parent.span_id]
        names.append(span.name)
    return names[::-1]


async def test_one_order_is_one_trace(
    exported: InMemorySpanExporter,
    client: Client,
    log: FakeProducer,
) -> None:
    """The W3C context passes HTTP and Kafka without a gap from the client's span to the view."""
    streams = Streams()
    await streams.processor.take_over()
    for setup in (PutRestaurant("r1", "Cantina", 10, 1800), menu_item("coxinha", 5)):
        await streams.decide(setup, codec.headers(type(setup), "e", codec.NO_TRACE))
    headers = {"Idempotency-Key": "k", "traceparent": GIVEN}
    async with client.post(
        "/v1/orders", json=order_body(items=[{"sku": "coxinha", "quantity": 2}]), headers=headers
    ) as response:
        assert response.status == 201
    _, command, written = log.written[-1]
    first = await streams.decide(command, written)
    [trace] = await pay(first)
    payment = payment_id(command.order_id, to_text(NOW))
    result = PaymentResult("r1", command.order_id, "authorise", "authorised", payment)
    second = await streams.decide(result, codec.headers(PaymentResult, "e", trace))
    await project(first + second)

    spans = list(exported.get_finished_spans())
    assert {f"{span.context.trace_id:032x}" for span in spans} == {TRACE}
    assert chain(spans, f"project {ORDER_CONFIRMED.name}") == [
        "POST /v1/orders",
        "send order.commands",
        "process order.commands",
        "authorise payment",
        "process order.commands",
        "project order.confirmed",
    ]
    [server] = [span for span in spans if span.name == "POST /v1/orders"]
    assert server.attributes["http.response.status_code"] == 201
    assert f"{server.parent.span_id:016x}" == GIVEN[36:52]
    text = " ".join(span.to_json() for span in spans)
    assert command.order_id in text
    for person in ("Ana", "+5581999990000", "Rua A", "50000-000"):
        assert person not in text


async def test_an_aborted_attempt_exports_no_span(
    exported: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The committed attempt's span is the parent of its facts."""
    streams, commit, attempts = Streams(), MemoryLog.commit, 0

    async def fail_at_first(log: MemoryLog) -> None:
        nonlocal attempts
        attempts += 1
        if attempts == 1:
            log.broker.abort()
            raise OSError("the broker is gone")
        await commit(log)

    monkeypatch.setattr(MemoryLog, "commit", fail_at_first)
    await streams.processor.take_over()
    command = PutRestaurant("r1", "Cantina", 10, 1800)
    outputs = await streams.decide(command, codec.headers(type(command), "e", GIVEN.encode()))
    [span] = exported.get_finished_spans()
    assert attempts == 2 and span.name == "process order.commands"
    context = tracing.parse(codec.header(outputs[0].headers, "traceparent"))
    assert context.is_valid and context.span_id == span.context.span_id


async def test_ticks_export_no_spans(exported: InMemorySpanExporter) -> None:
    """Eight ticks a second would be nearly all spans."""
    streams = Streams()
    await streams.processor.take_over()
    tick = codec.headers(Tick, "e", codec.new_traceparent(sampled=False))
    await project(await streams.decide(Tick(), tick))
    assert not exported.get_finished_spans()


async def test_contexts_pass_through_while_tracing_is_off() -> None:
    """A client's context still reaches every record."""
    streams = Streams()
    await streams.processor.take_over()
    command = PutRestaurant("r1", "Cantina", 10, 1800)
    outputs = await streams.decide(command, codec.headers(type(command), "e", GIVEN.encode()))
    assert outputs and all(codec.header(o.headers, "traceparent") == GIVEN.encode() for o in outputs)
