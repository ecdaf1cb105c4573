"""Traces, logs and metrics of a whole stack: what they must name, and the personal data that they must not."""

import json
import re
import uuid
from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest
from aiokafka import AIOKafkaProducer
from msgspec import Struct

from schemas.topics import ORDER_COMMANDS
from tests.e2e.collector import Collector
from tests.e2e.customers import Answer, Kitchen, order_body
from tests.e2e.stack import Stack
from tests.support.waiting import eventually

NAME, PHONE, STREET = "Severina Xique-Xique", "+5581912345678", "Travessa do Vaga-lume"
TRACE = uuid.uuid4().hex
OURS = ("ingress", "streams", "egress", "payments")
#: Series that one promotion may cost Prometheus, with all processes: labels never name an order or a restaurant.
MAX_SERIES = 3_000


class Scenario(Struct):
    """An order that was placed, paid and cancelled, and the metrics after it."""

    stack: Stack
    collector: Collector
    restaurant: str
    order: dict[str, object]
    metrics: str


def body_of_a_person(restaurant: str, **changes: object) -> dict[str, object]:
    body = order_body(restaurant, ("coxinha", 1))
    body["delivery_address"] = {**body["delivery_address"], "street": STREET}
    return body | {"customer": {"name": NAME, "phone": PHONE}} | changes


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    collector = Collector()
    yield collector
    collector.close()


@pytest.fixture(scope="module")
def traced_stack(tmp_path_factory: pytest.TempPathFactory, collector: Collector) -> Iterator[Stack]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        patched.setenv("OTEL_BSP_SCHEDULE_DELAY", "200")
        patched.setenv("NO_PROXY", "127.0.0.1")
        started = Stack(tmp_path_factory.mktemp("traced"), otel_enabled=1)
    yield started
    started.compose("down")


@pytest.fixture(scope="module")
async def scenario(traced_stack: Stack, collector: Collector) -> AsyncIterator[Scenario]:
    """A customer orders and cancels while the provider fails; then records come that cannot be read."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(30)) as session:
        kitchen = Kitchen(session, traced_stack.url)
        restaurant = await kitchen.open(coxinha=5)

        async def post(key: str, body: object, **headers: str) -> Answer:
            named = {"Idempotency-Key": key, **headers}
            return await kitchen.call("POST", "/v1/orders", json=body, headers=named)

        traced = await post("k", body_of_a_person(restaurant), traceparent=f"00-{TRACE}-00f067aa0ba902b7-01")
        assert traced.status == 201
        order = json.loads(traced.body)
        for wrong in ({"payment": {"method": NAME}}, {"delivery_address": STREET}, {"customer": PHONE}):
            assert (await post(f"w{wrong}"[:9], body_of_a_person(restaurant, **wrong))).status == 400
        await session.put(f"{traced_stack.provider_url}/behaviour", json={"error": 1})
        assert (await kitchen.cancel(order)).status == 200

        egress = traced_stack.data_dir / "logs" / "egress-1.log"
        await eventually(lambda: "refund failed, attempt 2" in egress.read_text())
        await session.put(f"{traced_stack.provider_url}/behaviour", json={"error": 0})

        async def refunded() -> bool:
            return ((await kitchen.get_order(order))["refund"] or {}).get("status") == "refunded"

        await eventually(refunded, 30)
        poison = {"type": "place-order", **body_of_a_person(restaurant, payment={"method": NAME})}
        producer = AIOKafkaProducer(bootstrap_servers=traced_stack.bootstrap)
        await producer.start()
        for value in (poison, {"type": NAME}, {"customer": {"name": NAME}}):
            await producer.send_and_wait(
                ORDER_COMMANDS.name, json.dumps(value).encode(), key=restaurant.encode()
            )
        await producer.stop()
        assert (await kitchen.order_until_decided(restaurant, "k2", ("coxinha", 1))).status == 201
        await kitchen.call("GET", f"/v1/restaurants/{restaurant}/menu?q={PHONE}")
        await kitchen.call("GET", f"/nowhere/{NAME}")
        shown = (await kitchen.call("GET", "/metrics")).body.decode()
    yield Scenario(traced_stack, collector, restaurant, order, shown)


async def test_one_order_is_one_trace_over_all_processes(scenario: Scenario) -> None:
    """The trace begins with the caller's span and ends in the view and at the payment provider."""
    services = {f"promo-{role}" for role in OURS}
    wanted = {"project order.confirmed", "POST /authorisations", "send order.commands"}

    def complete() -> bool:
        spans = scenario.collector.of(TRACE)
        return services <= {s.service for s in spans} and wanted <= {s.name for s in spans}

    await eventually(complete)
    spans = scenario.collector.of(TRACE)
    above = {span.span_id for span in spans} | {"00f067aa0ba902b7"}
    assert all(span.parent_id in above for span in spans), "a gap in the trace"


async def test_logs_name_orders_and_no_personal_data(scenario: Scenario) -> None:
    """Every line of our processes is JSON with its level, logger and process; no log holds personal data."""
    logs = scenario.stack.data_dir / "logs"
    named = set()
    for role in OURS:
        for text in (logs / f"{role}-1.log").read_text().splitlines():
            line = json.loads(text)
            assert {"at", "level", "logger", "process", "message"} <= line.keys()
            assert line["process"] == f"{role}-1"
            named.add(line.get("order_id"))
    assert scenario.order["order_id"] in named, "the failed refund is logged with its order"
    everything = "".join(path.read_text(errors="replace") for path in logs.iterdir())
    assert "dead letter" in everything
    for personal in (NAME, PHONE, STREET, str(scenario.order["token"])):
        assert personal not in everything, personal
        assert not any(personal.encode() in raw for raw in scenario.collector.raw), personal


async def test_labels_hold_no_ids_and_no_user_input(scenario: Scenario) -> None:
    """Low cardinality: the route is the pattern, and unknown paths are one series."""
    lines = [line for line in scenario.metrics.splitlines() if not line.startswith("#")]
    assert 'route="/v1/restaurants/{restaurant_id}/menu"' in scenario.metrics
    assert 'route="unmatched"' in scenario.metrics
    for typed in (scenario.restaurant, str(scenario.order["order_id"]), "Severina", "nowhere", PHONE):
        assert typed not in scenario.metrics, typed
    assert len(lines) < MAX_SERIES
    assert not re.search(r'="[^"]{65,}"', scenario.metrics)


async def test_every_process_answers_health_probes(scenario: Scenario) -> None:
    """Probes: /health/live and /health/ready on each process's own port."""
    async with aiohttp.ClientSession() as session:
        first = int(scenario.stack.environment["PROMO_OPS_PORT"])
        for port in range(first, first + len(OURS)):
            for path in ("/health/live", "/health/ready"):
                async with session.get(f"http://127.0.0.1:{port}{path}") as response:
                    assert response.status == 200, (port, path)
