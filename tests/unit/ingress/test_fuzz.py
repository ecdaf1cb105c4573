"""A small share of `make fuzz`: generated requests of every operation, to the application over fakes."""

import msgspec
import pytest

from ingress.http.tokens import Tokens
from ingress.openapi.route import Route
from ingress.views.ports import OrderView
from schemas import identity
from schemas.commands import (
    Command,
    DeleteMenuItem,
    DeletePromotion,
    DeleteRestaurant,
    Payment,
    PlaceOrder,
    PutMenuItem,
    PutPromotion,
    PutRestaurant,
    RotateWebhookSecret,
)
from schemas.replies import Answer, Reply
from schemas.settings import Settings
from tests.fuzz import judge, usage
from tests.fuzz.generator import FuzzRequest, KnownResources
from tests.fuzz.runner import routes, run
from tests.fuzz.validity import invalid_reason
from tests.support.ingress.fakes import FakeProducer, FakeViews, confirm, order_of
from tests.support.ingress.samples import item, menu, order_body, stock
from tests.unit.ingress.conftest import Client

CASES = 20
TOKENS = Tokens("secret", "adm")
ORDER_ID = identity.order_id("r1", "k1")
KNOWN = KnownResources(
    "r1",
    "coxinha",
    ORDER_ID,
    {
        "admin": "adm",
        "restaurant": TOKENS.restaurant("r1"),
        "order": TOKENS.order(ORDER_ID),
        "stranger": TOKENS.restaurant("r2"),
    },
)
ORDER = PlaceOrder(ORDER_ID, "r1", "h", "f", [], Payment("pix"))


@pytest.fixture
def settings() -> Settings:
    """As many commands in flight as are sent at once."""
    return Settings(
        admin_token="adm",
        token_secret="secret",
        webhook_secret="webhooks",
        order_reply_timeout_seconds=0.05,
        max_in_flight_commands=100,
    )


def decide(command: Command) -> Reply:
    """Accept every command."""
    if isinstance(command, PlaceOrder):
        return confirm(command)
    if isinstance(command, PutRestaurant | PutMenuItem | PutPromotion):
        return Reply(Answer("created", version=1))
    if isinstance(command, DeleteRestaurant | DeleteMenuItem | DeletePromotion):
        return Reply(Answer("deleted", version=2))
    if isinstance(command, RotateWebhookSecret):
        return Reply(Answer("replaced", version=2, webhook_secret_version=2))
    return Reply(Answer("cancelled", order_of(ORDER)))


#: With feeds in which nothing happens a stream of events does not end: `make fuzz` asks for those.
HERE = [route for route in routes() if route.operation.id != "followOrder"]


@pytest.mark.parametrize("route", HERE, ids=lambda route: route.operation.id)
async def test_generated_requests(client: Client, log: FakeProducer, views: FakeViews, route: Route) -> None:
    """No 5xx, nothing invalid accepted, nothing valid rejected, no response that the document does not describe."""
    log.decide = decide
    views.show("r1", menu([item("coxinha")], [stock("coxinha", 3)]))
    views.orders[ORDER_ID] = OrderView(order_of(ORDER), [])
    found = await run(client.session, f"http://{client.host}:{client.port}", route, CASES, KNOWN, 1)
    assert not found.faults, found.faults[0]
    assert sum(found.statuses.values()) > CASES / 3


def test_costs_of_a_batch_are_judged() -> None:
    """A check that cannot fail is a defect: one request of 16 that takes 0.6 s, and a process that passes its limit."""
    cpu, memory = {1: 5.0, 2: 9.0}, {1: 100 << 20, 2: 90 << 20}
    costs = usage.IngressUsage([1, 2], 0.05, cpu.__getitem__, memory.__getitem__)
    cpu[1] += 5.0
    costs.start()
    cpu[1] += 0.1
    assert costs.faults_of_batch(16, 1.0) == []
    cpu[1] += 0.4
    assert costs.faults_of_batch(16, 8.0) == []  # it is what the processes use without requests
    cpu[2] += 0.61
    assert costs.faults_of_batch(16, 0.0) == ["38 ms of processor time for each of 16 requests"]
    memory[2] = usage.memory_limit() + (1 << 20)
    assert [fault.partition(" ")[2] for fault in costs.faults_of_batch(16, 1.0)] == ["MiB of memory"]
    assert costs.highest_cpu_seconds == pytest.approx(0.61 / 16)


PLACE = next(route for route in routes() if route.operation.id == "placeOrder")


def judged(
    status: int, body: bytes, request: FuzzRequest, content_type: str = "application/json"
) -> list[str]:
    return judge.find_faults(request, judge.FuzzResponse(status, content_type, body))


def request(body: bytes, key: str = "k", opened: bool = True, good: bool = False) -> FuzzRequest:
    return FuzzRequest(PLACE, good, opened, "/v1/orders", {"Idempotency-Key": key}, body)


def test_judge_detects_planted_faults() -> None:
    """A check that cannot fail is a defect."""
    order = msgspec.json.encode(order_body())
    pending = b'{"order_id":"o","restaurant_id":"r","status":"pending","token":"t","events_url":"/"}'
    assert judged(202, pending, request(order)) == []
    assert judged(202, pending, request(order, key="a b")) == [
        "accepted though invalid: Idempotency-Key is 'a b'"
    ]
    assert "accepted though invalid" in judged(202, pending, request(order.replace(b'"pix"', b'"gold"')))[0]
    assert "accepted though invalid" in judged(202, pending, request(b'{"x": NaN}'))[0]
    assert judged(202, pending, request(order, opened=False)) == ["accepted without a token that opens it"]
    assert "does not fit" in judged(202, b"{}", request(order))[0]
    assert "not described" in judged(203, pending, request(order))[0]
    assert judged(500, b"{}", request(order)) == ["500"]
    assert "no problem document" in judged(400, b"bad", request(order), "text/plain")[0]
    refused = (
        b'{"type":"/problems/invalid-request","title":"","status":400,"detail":"","errors":[{"detail":"x"}]}'
    )
    assert judged(400, refused, request(order), judge.PROBLEM) == []
    assert "refused though valid" in judged(400, refused, request(order, good=True), judge.PROBLEM)[0]
    assert invalid_reason(request(order)) is None
