"""POST /v1/orders/{order_id}/cancel and /v1/orders/{order_id}/status, over HTTP."""

from typing import Any

import msgspec
import pytest
from aiohttp import ClientResponse
from msgspec.structs import replace
from prometheus_client import REGISTRY

from ingress.http.tokens import Tokens
from ingress.views.ports import OrderView, StatusChange
from schemas import identity
from schemas.commands import AdvanceOrder, CancelOrder, Payment, PlaceOrder
from schemas.money import Money
from schemas.orders import Order, Refund
from schemas.replies import Answer, Outcome, Reply
from tests.support.ingress.fakes import AT, Decide, FakeProducer, FakeViews, order_of
from tests.unit.ingress.conftest import Client

TOKENS = Tokens("secret", "adm")
ORDER_ID = identity.order_id("r1", "k1")
OWN, RESTAURANT = TOKENS.order(ORDER_ID), TOKENS.restaurant("r1")
RECEIVED = order_of(PlaceOrder(ORDER_ID, "r1", "hash", "fingerprint", [], Payment("pix")))


def decided(outcome: Outcome, replayed: bool = False, **changes: Any) -> Decide:
    """Answer every command with the order, changed like this."""
    order: Order = msgspec.structs.replace(RECEIVED, version=3, **changes)
    return lambda command: Reply(Answer(outcome, order), replayed)


CANCELLED = decided("cancelled", status="cancelled", reason="customer", refund=Refund("pending", Money(990)))


@pytest.fixture(autouse=True)
def shown(views: FakeViews, log: FakeProducer) -> OrderView:
    """An order in the views, and a log that cancels it."""
    log.decide = CANCELLED
    view = OrderView(RECEIVED, [StatusChange("pending", AT), StatusChange("received", AT)])
    views.orders[ORDER_ID] = view
    return view


async def cancel(
    client: Client, token: str | None = OWN, key: str | None = "c1", order_id: str = ORDER_ID, **request: Any
) -> ClientResponse:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    headers |= {"Idempotency-Key": key} if key else {}
    headers |= request.pop("headers", {})
    return await client.post(f"/v1/orders/{order_id}/cancel", headers=headers, **request)


async def advance(
    client: Client, status: object = "preparing", token: str = RESTAURANT, order_id: str = ORDER_ID
) -> ClientResponse:
    headers = {"Authorization": f"Bearer {token}"}
    return await client.post(f"/v1/orders/{order_id}/status", headers=headers, json={"status": status})


async def slug(response: ClientResponse) -> tuple[int, str]:
    return response.status, (await response.json())["type"].rpartition("/")[2]


@pytest.mark.parametrize(("token", "by"), [(OWN, "customer"), (RESTAURANT, "restaurant")])
@pytest.mark.parametrize("request_", [{}, {"json": {}}])
async def test_cancel_returns_order_and_refund(
    client: Client, log: FakeProducer, token: str, by: str, request_: dict[str, Any]
) -> None:
    """Contract: the order's token cancels; so does its restaurant's; the body is empty or `{}`."""
    response = await cancel(client, token, **request_)
    assert response.status == 200 and response.headers["Cache-Control"] == "private, no-store"
    body = await response.json()
    assert (body["order_id"], body["status"], body["reason"]) == (ORDER_ID, "cancelled", "customer")
    assert body["refund"] == {"status": "pending", "amount": {"amount": 990, "currency": "BRL"}}
    assert "history" not in body
    ((key, command, headers),) = log.written
    assert key == b"r1" and dict(headers)["event-type"] == b"cancel-order"
    assert isinstance(command, CancelOrder) and (command.order_id, command.by) == (ORDER_ID, by)
    assert command.idempotency_key_hash == identity.cancel_key_hash(ORDER_ID, "c1")


async def test_key_of_a_cancellation_is_the_orders_own(
    client: Client, log: FakeProducer, views: FakeViews
) -> None:
    """Two customers of a restaurant may both cancel with `c1`, and a customer with the key of the order."""
    other = identity.order_id("r1", "k2")
    views.orders[other] = OrderView(replace(RECEIVED, order_id=other), [StatusChange("received", AT)])
    assert (await cancel(client)).status == 200
    assert (await cancel(client, TOKENS.order(other), order_id=other)).status == 200
    assert (await cancel(client, key="k1")).status == 200
    hashes = [
        command.idempotency_key_hash for _, command, _ in log.written if isinstance(command, CancelOrder)
    ]
    assert len(set(hashes)) == 3 and identity.key_hash("r1", "k1") not in hashes


async def test_cancel_fingerprint_names_the_order(
    client: Client, log: FakeProducer, views: FakeViews, shown: OrderView
) -> None:
    """Keys are scoped to a restaurant: the key of one cancellation must not pass for that of another order."""
    other = identity.order_id("r1", "k2")
    views.orders[other] = msgspec.structs.replace(
        shown, order=msgspec.structs.replace(shown.order, order_id=other)
    )
    await cancel(client)
    await cancel(client, json={})
    await cancel(client, TOKENS.order(other), order_id=other)
    prints = [
        command.request_fingerprint for _, command, _ in log.written if isinstance(command, CancelOrder)
    ]
    assert prints[0] == prints[1] != prints[2]


async def test_replayed_cancellation_is_marked(client: Client, log: FakeProducer) -> None:
    """Contract: commands idempotent."""
    first = await cancel(client)
    log.decide = decided(
        "cancelled", True, status="cancelled", reason="customer", refund=Refund("pending", Money(990))
    )
    again = await cancel(client)
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (again.status, await again.read()) == (first.status, await first.read())


async def test_cancel_requires_a_key(client: Client, log: FakeProducer) -> None:
    """Contract: `Idempotency-Key`."""
    assert await slug(await cancel(client, key=None)) == (400, "idempotency-key-missing")
    assert not log.written


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"reason": "x"}', b"null"])
async def test_cancel_with_unknown_field_is_400(client: Client, log: FakeProducer, body: bytes) -> None:
    """Contract: unknown fields are rejected."""
    response = await cancel(client, data=body, headers={"Content-Type": "application/json"})
    assert await slug(response) == (400, "invalid-request")
    assert not log.written


@pytest.mark.parametrize(
    ("decide", "status", "expected", "members"),
    [
        (decided("too_late", status="preparing"), 409, "too-late", {"order_status": "preparing"}),
        (lambda command: Reply(Answer("unknown_order")), 404, "unknown-order", {}),
        (lambda command: Reply(Answer("key_reused")), 422, "idempotency-key-reused", {}),
        (lambda command: Reply(Answer("undecidable")), 503, "unavailable", {}),
    ],
)
async def test_refused_cancellation_has_its_problem(
    client: Client, log: FakeProducer, decide: Decide, status: int, expected: str, members: dict[str, str]
) -> None:
    """Contract: 409 `too-late` once preparing."""
    log.decide = decide
    response = await cancel(client)
    assert await slug(response) == (status, expected)
    assert (await response.json()).items() >= members.items()


@pytest.mark.parametrize("status", ["preparing", "out_for_delivery", "delivered"])
async def test_restaurant_advances_an_order(client: Client, log: FakeProducer, status: str) -> None:
    """Contract: the restaurant's token, `{"status": ...}`, 200."""
    log.decide = decided("advanced", status=status)
    response = await advance(client, status)
    assert response.status == 200
    body = await response.json()
    assert (body["order_id"], body["status"], body["version"]) == (ORDER_ID, status, 3)
    ((key, command, _),) = log.written
    assert key == b"r1" and command == AdvanceOrder("r1", ORDER_ID, status)  # type: ignore[arg-type]


async def test_invalid_transition_is_409(client: Client, log: FakeProducer) -> None:
    """Contract: 409 `invalid-transition`."""
    log.decide = decided("invalid_transition", status="delivered")
    assert await slug(await advance(client)) == (409, "invalid-transition")


@pytest.mark.parametrize("status", ["received", "cancelled", "", None, 1])
async def test_other_status_is_400(client: Client, log: FakeProducer, status: object) -> None:
    """Cancelling has an operation of its own, and the other statuses are not the restaurant's to set."""
    assert await slug(await advance(client, status)) == (400, "invalid-request")
    assert not log.written


async def test_customer_cannot_advance(client: Client, log: FakeProducer) -> None:
    """Contract: the restaurant's token."""
    assert await slug(await advance(client, token=OWN)) == (403, "forbidden")
    assert not log.written


@pytest.mark.parametrize("token", [TOKENS.order("o2"), TOKENS.restaurant("r2"), "adm"])
async def test_other_tokens_change_nothing(client: Client, log: FakeProducer, token: str) -> None:
    """Contract: the order's token, the restaurant's token."""
    assert await slug(await cancel(client, token)) == (404, "unknown-order")
    assert await slug(await advance(client, token=token)) == (404, "unknown-order")
    for invalid in (None, "x"):
        assert await slug(await cancel(client, token=invalid)) == (401, "unauthorized")
    assert not log.written


@pytest.mark.parametrize("token", [OWN, RESTAURANT])
async def test_command_finds_its_restaurant_without_a_view(
    client: Client, views: FakeViews, log: FakeProducer, token: str
) -> None:
    """An order that was confirmed just now can be cancelled and moved on, whatever the views show."""
    views.orders.clear()
    response = await cancel(client, token)
    assert response.status == 200 and (await response.json())["status"] == "cancelled"
    log.decide = decided("advanced", status="preparing")
    assert (await advance(client)).status == 200
    assert {key for key, _, _ in log.written} == {b"r1"}


async def test_change_that_no_reader_would_find_is_503(
    client: Client, views: FakeViews, log: FakeProducer
) -> None:
    """Redis is away: the change is made, and repeating the request with its key returns it."""
    views.down = True
    response = await cancel(client)
    assert await slug(response) == (503, "unavailable") and response.headers["Retry-After"]
    assert len(log.written) == 1
    views.down = False
    assert (await cancel(client)).status == 200


async def test_older_order_needs_its_view(client: Client, views: FakeViews) -> None:
    """Ids of older orders do not have their restaurant: 503 with Retry-After, and 404 for other tokens."""
    views.orders.clear()
    response = await cancel(client, TOKENS.order("o_" + "a" * 26), order_id="o_" + "a" * 26)
    assert await slug(response) == (503, "unavailable") and response.headers["Retry-After"]
    assert await slug(await advance(client, order_id="o_" + "a" * 26)) == (404, "unknown-order")
    views.down = True
    assert await slug(await advance(client, order_id="o_" + "a" * 26)) == (503, "unavailable")


async def test_unavailable_views_reveal_nothing(client: Client, views: FakeViews) -> None:
    """A token that does not open the order gets the same answer, whether there is such an order or not."""
    views.down = True
    for order_id in (ORDER_ID, identity.order_id("r1", "other")):
        assert await slug(await cancel(client, "adm", order_id=order_id)) == (404, "unknown-order")
        assert await slug(await cancel(client, "x", order_id=order_id)) == (401, "unauthorized")


async def test_change_in_flight_is_202(client: Client, log: FakeProducer) -> None:
    """The command is in the log; repeating the request returns its outcome."""
    log.decide = lambda command: None
    for response in (await cancel(client, headers={"Prefer": "wait=0.05"}), await advance(client)):
        assert response.status == 202 and response.headers["Location"] == f"/v1/orders/{ORDER_ID}"
        body = await response.json()
        assert (body["order_id"], body["status"]) == (ORDER_ID, "received")


async def test_changes_are_not_counted_as_orders(client: Client, log: FakeProducer) -> None:
    """`promo_orders_total` and the confirmation latency count placed orders only."""
    names = (("promo_orders_total", {"outcome": "cancelled"}), ("promo_order_confirmation_seconds_count", {}))
    before = [REGISTRY.get_sample_value(name, labels) for name, labels in names]
    await cancel(client)
    assert [REGISTRY.get_sample_value(name, labels) for name, labels in names] == before
