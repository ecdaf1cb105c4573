"""What an answer has said can be read: by both tokens, at any process, before the views show it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientResponse, ClientSession
from msgspec.structs import replace

from ingress.http.tokens import Tokens
from ingress.privacy.keyring import Keyring
from ingress.views.answers import Refusal
from ingress.views.ports import OrderView, StatusChange
from schemas import identity
from schemas.commands import Command, CustomerRef, FindOrder, Payment, PlaceOrder
from schemas.orders import Order
from schemas.replies import Answer, Outcome, Reply
from schemas.settings import Settings
from schemas.timestamps import wall_clock
from tests.support.ingress.apps import HOST, application, serving
from tests.support.ingress.fakes import AT, FakeProducer, FakeViews, confirm, order_of
from tests.support.ingress.samples import as_customer, item, menu, order_body
from tests.support.waiting import eventually
from tests.unit.ingress.conftest import Client

TOKENS = Tokens("secret", "adm")
ORDER_ID = identity.order_id("r1", "k1")
OWN, RESTAURANT = TOKENS.order(ORDER_ID), TOKENS.restaurant("r1")
CUSTOMER = CustomerRef("c-1")
RECEIVED = order_of(PlaceOrder(ORDER_ID, "r1", "hash", "fingerprint", [], Payment("pix"), CUSTOMER))


@pytest.fixture
async def other(settings: Settings, views: FakeViews, keyring: Keyring) -> AsyncIterator[Client]:
    """A client of another ingress process, which reads the same Redis and whose commands get no reply."""
    producer = FakeProducer()
    producer.decide = lambda command: None
    async with (
        serving(application(settings, producer, views, keyring)) as port,
        ClientSession(f"http://{HOST}:{port}") as session,
    ):
        yield Client(session, HOST, port)


async def place(client: Client, **headers: str) -> ClientResponse:
    return await client.post(
        "/v1/orders", json=order_body(), headers=as_customer("c-1") | {"Idempotency-Key": "k1", **headers}
    )


async def read(client: Client, token: str = OWN, order_id: str = ORDER_ID) -> Any:
    headers = {"Authorization": f"Bearer {token}"}
    response = await client.get(f"/v1/orders/{order_id}", headers=headers)
    return response.status, await response.json()


def placed(log: FakeProducer) -> tuple[str, Order]:
    """Return the token for the last request that placed an order, and the order that it placed."""
    command = next(c for _, c, _ in reversed(log.written) if isinstance(c, PlaceOrder))
    holder = identity.holder(command.request_fingerprint)
    return TOKENS.order(ORDER_ID, holder), replace(RECEIVED, holder=holder)


async def events(client: Client, token: str = OWN) -> str:
    """Return what an order's stream sends until it ends."""
    headers = {"Authorization": f"Bearer {token}"}
    response = await client.get(f"/v1/orders/{ORDER_ID}/events", headers=headers)
    assert response.status == 200
    return str(await response.text())


@pytest.mark.parametrize("token", [OWN, RESTAURANT])
async def test_confirmed_order_can_be_read_at_once(client: Client, other: Client, token: str) -> None:
    """Contract: never `pending`, 404 or 503 for what was just confirmed."""
    assert (await place(client)).status == 201
    status, page = await read(other, token)
    assert (status, page["status"], page["version"]) == (200, "received", 2)
    assert [change["status"] for change in page["history"]] == ["pending", "received"]
    assert page["delivery_address"]["street"] == order_body()["delivery_address"]["street"]


async def test_answered_change_can_be_read_at_once(
    client: Client, other: Client, log: FakeProducer, views: FakeViews
) -> None:
    """The view still shows the status before."""
    views.orders[ORDER_ID] = OrderView(
        RECEIVED, [StatusChange("pending", AT, 1), StatusChange("received", AT, 2)]
    )
    log.decide = lambda command: Reply(Answer("advanced", replace(RECEIVED, status="preparing", version=3)))
    headers = {"Authorization": f"Bearer {RESTAURANT}"}
    url = f"/v1/orders/{ORDER_ID}/status"
    assert (await client.post(url, json={"status": "preparing"}, headers=headers)).status == 200
    _, page = await read(other)
    assert (page["status"], page["version"]) == ("preparing", 3)
    assert [change["status"] for change in page["history"]] == ["pending", "received", "preparing"]


async def test_history_and_address_outlast_a_change(client: Client, other: Client, log: FakeProducer) -> None:
    """Confirmed, then cancelled, and no view shows either yet."""
    assert (await place(client)).status == 201
    cancelled = replace(RECEIVED, status="cancelled", reason="customer", version=3)
    log.decide = lambda command: Reply(Answer("cancelled", cancelled))
    headers = {"Authorization": f"Bearer {OWN}", "Idempotency-Key": "c1"}
    assert (await client.post(f"/v1/orders/{ORDER_ID}/cancel", headers=headers)).status == 200
    _, page = await read(other)
    assert [change["status"] for change in page["history"]] == ["pending", "received", "cancelled"]
    assert page["delivery_address"]["street"] == order_body()["delivery_address"]["street"]


async def test_refused_order_is_cancelled_to_every_request(client: Client, log: FakeProducer) -> None:
    """What GET says, cancel and status know."""
    log.decide = lambda command: Reply(Answer("unknown_item", skus=["x"]))
    assert (await place(client)).status == 404
    log.decide = lambda command: Reply(Answer("unknown_order"))
    headers = {"Authorization": f"Bearer {placed(log)[0]}", "Idempotency-Key": "c1"}
    cancelled = await client.post(f"/v1/orders/{ORDER_ID}/cancel", headers=headers)
    assert cancelled.status == 200 and (await cancelled.json())["status"] == "cancelled"
    headers = {"Authorization": f"Bearer {RESTAURANT}"}
    moved = await client.post(f"/v1/orders/{ORDER_ID}/status", json={"status": "preparing"}, headers=headers)
    assert (moved.status, (await moved.json())["order_status"]) == (409, "cancelled")


async def test_reads_of_an_order_leave_room_for_its_cancellation(client: Client, log: FakeProducer) -> None:
    """The decider is silent; a customer who reads again and again can still cancel."""
    log.decide = lambda command: None
    await asyncio.gather(*(read(client) for _ in range(9)))
    headers = {"Authorization": f"Bearer {OWN}", "Idempotency-Key": "c1", "Prefer": "wait=0"}
    assert (await client.post(f"/v1/orders/{ORDER_ID}/cancel", headers=headers)).status == 202


async def test_read_ends_within_a_second_without_kafka(client: Client, log: FakeProducer) -> None:
    """Writing a command may take four seconds until it fails."""

    async def hang(*record: Any) -> None:
        await asyncio.sleep(30)

    log.send = hang  # type: ignore[method-assign]
    started = asyncio.get_running_loop().time()
    assert (await read(client))[0] == 503
    assert asyncio.get_running_loop().time() - started < 2.0


async def test_found_order_is_looked_up_once(client: Client, log: FakeProducer) -> None:
    """Its answer is kept for the next reads."""
    log.decide = lambda command: Reply(Answer("found", RECEIVED))
    for _ in range(5):
        assert (await read(client))[1]["status"] == "received"
    assert len(log.written) == 1


async def test_replay_does_not_hide_a_newer_state(client: Client, other: Client, views: FakeViews) -> None:
    """A replay repeats the first answer; the order has moved on since."""
    assert (await place(client)).status == 201
    views.orders[ORDER_ID] = OrderView(
        replace(RECEIVED, status="preparing", version=3), [StatusChange("preparing", AT, 3)]
    )
    assert (await place(client)).status == 201
    assert (await read(other))[1]["status"] == "preparing"


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        ("unknown_restaurant", "unknown_restaurant"),
        ("unknown_item", "unknown_item"),
        ("customer_required", "customer_required"),
        ("undecidable", "refused"),
    ],
)
@pytest.mark.parametrize("waited", [True, False])
async def test_refusal_without_a_fact_can_be_read(
    client: Client,
    other: Client,
    log: FakeProducer,
    views: FakeViews,
    outcome: Outcome,
    reason: str,
    waited: bool,
) -> None:
    """Each outcome, whether or not a request waited for it; the stream sends it, then ends."""
    log.decide = lambda command: None
    assert (await place(client, Prefer="wait=0")).status == 202
    refused = Reply(Answer(outcome))
    if waited:
        log.decide = lambda command: refused
        assert (
            await client.post(
                "/v1/orders",
                json=order_body() | {"payment": {"method": "cash"}},
                headers={"Idempotency-Key": "k1"},
            )
        ).status >= 400
    else:
        log.decide_all(lambda command: refused)
    await eventually(lambda: ORDER_ID in views.answers, 5)
    own, _ = placed(log)
    for reader in (client, other):
        status, page = await read(reader, own)
        assert (status, page["status"], page["reason"]) == (200, "cancelled", reason)
        sent = await events(reader, own)
        assert '"status":"cancelled"' in sent and f'"reason":"{reason}"' in sent


async def test_lost_refusal_is_found_at_the_decider(
    client: Client, log: FakeProducer, views: FakeViews
) -> None:
    """The process that got the reply has ended; the decider knows no such order, so it was refused."""
    log.decide = lambda command: None
    assert (await place(client, Prefer="wait=0")).status == 202
    log.decide = confirm
    assert (await read(client, RESTAURANT))[0] == 404
    status, page = await read(client)
    assert (status, page["status"], page["reason"]) == (200, "cancelled", "refused")
    assert isinstance(views.answers[ORDER_ID][0], Refusal)


@pytest.mark.parametrize("token", [OWN, RESTAURANT])
async def test_order_without_view_is_read_from_the_decider(
    client: Client, log: FakeProducer, token: str
) -> None:
    """Redis lost the answer, and the view is behind."""
    log.decide = lambda command: Reply(Answer("found", RECEIVED))
    status, page = await read(client, token)
    assert (status, page["status"]) == (200, "received")
    ((key, command, _),) = log.written
    assert key == b"r1" and isinstance(command, FindOrder) and command.order_id == ORDER_ID


@pytest.mark.parametrize("token", [OWN, RESTAURANT])
async def test_order_that_may_be_decided_is_503(client: Client, log: FakeProducer, token: str) -> None:
    """Neither view nor decider says what became of it, so `pending` could be wrong."""
    log.decide = lambda command: None
    assert (await read(client, token))[0] == 503


async def test_order_that_waits_for_its_payment_is_pending(client: Client, log: FakeProducer) -> None:
    """The decider has it; the views follow a moment later."""
    log.decide = lambda command: Reply(Answer("found", replace(RECEIVED, status="pending", version=1)))
    assert (await read(client))[1]["status"] == "pending"


async def test_views_far_behind_are_not_believed(client: Client, log: FakeProducer, views: FakeViews) -> None:
    """Answers are kept for a minute. If the views are older, only the decider knows what was answered."""
    views.orders[ORDER_ID] = OrderView(RECEIVED, [StatusChange("received", AT, 2)])
    views.publish_watermarks(wall_clock() - 60_000)
    log.decide = lambda command: None
    for _ in range(20):  # until the process has polled the watermarks
        await asyncio.sleep(0.05)
        if (status := (await read(client))[0]) == 503:
            break
    assert status == 503
    log.decide = lambda command: Reply(Answer("found", replace(RECEIVED, status="preparing", version=3)))
    assert (await read(client))[1]["status"] == "preparing"


async def test_pending_order_is_looked_up(client: Client, log: FakeProducer, views: FakeViews) -> None:
    """It may have been confirmed while Redis was away, and the view follows."""
    pending = replace(RECEIVED, status="pending", version=1)
    views.orders[ORDER_ID] = OrderView(pending, [StatusChange("pending", AT, 1)])
    log.decide = lambda command: Reply(Answer("found", RECEIVED))
    assert (await read(client))[1]["status"] == "received"


async def test_new_attempt_ends_the_refusal(client: Client, log: FakeProducer, views: FakeViews) -> None:
    """The same key may succeed later, when the item is on the menu."""
    log.decide = lambda command: Reply(Answer("unknown_item", skus=["x"]))
    assert (await place(client)).status == 404
    own, order = placed(log)
    assert (await read(client, own))[1]["status"] == "cancelled"
    log.decide = lambda command: None
    assert (await place(client, Prefer="wait=0")).status == 202
    assert (await read(client, own))[0] == 503

    def found_or_confirmed(command: Command) -> Reply | None:
        """Confirm every order, and find it afterwards."""
        return Reply(Answer("found" if isinstance(command, FindOrder) else "confirmed", order))

    log.decide_all(found_or_confirmed)
    assert (await read(client, own))[1]["status"] == "received"


async def test_unknown_orders_cost_a_bounded_number_of_commands(client: Client, log: FakeProducer) -> None:
    """Anyone gets a token for an order that never was; its reads must not fill the log."""
    log.decide = lambda command: None
    for _ in range(20):
        await read(client)
    assert len(log.written) <= 8


async def put_price(client: Client, amount: int) -> ClientResponse:
    return await client.put(
        "/v1/restaurants/r1/menu/coxinha",
        json={"name": "Coxinha", "price": {"amount": amount}},
        headers={"Authorization": "Bearer adm"},
    )


async def test_put_is_answered_when_every_process_shows_it(
    client: Client, other: Client, log: FakeProducer, views: FakeViews
) -> None:
    """The other process has cached the menu, and polls changes ten times a second."""
    views.show("r1", menu([item("coxinha", 990)]))
    views.shown_version = 1
    log.decide = lambda command: Reply(Answer("replaced", version=2))
    for reader in (client, other):
        assert (await (await reader.get("/v1/restaurants/r1/menu")).json())["items"][0]["price"][
            "amount"
        ] == 990
    put = asyncio.ensure_future(put_price(client, 880))
    await asyncio.sleep(0.05)
    assert not put.done(), "no view shows it"
    views.show("r1", menu([item("coxinha", 880)]))
    views.shown_version = 2
    assert (await put).status == 200
    for reader in (client, other):
        assert (await (await reader.get("/v1/restaurants/r1/menu")).json())["items"][0]["price"][
            "amount"
        ] == 880


@pytest.mark.parametrize("down", [False, True])
async def test_put_that_no_view_shows_in_time_is_202(
    client: Client, log: FakeProducer, views: FakeViews, down: bool
) -> None:
    """It is decided, and will be shown; but a menu that is read now is not the one that was put."""
    views.shown_version, views.down = 1, down
    log.decide = lambda command: Reply(Answer("replaced", version=2))
    response = await put_price(client, 880)
    body = await response.json()
    assert response.status == 202 and (body["status"], body["version"]) == ("pending", 2)
