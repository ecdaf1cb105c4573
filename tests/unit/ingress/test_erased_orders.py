"""An erased order as clients see it, and what the log contains."""

from typing import Any

import pytest
from msgspec.structs import replace
from prometheus_client import REGISTRY

from ingress.http.tokens import Tokens
from ingress.privacy.customer_ids import key_name
from ingress.privacy.keyring import Keyring
from ingress.views.ports import OrderView, StatusChange
from schemas import codec
from schemas.commands import PlaceOrder
from schemas.identity import order_id
from schemas.replies import Answer, Reply
from tests.support.ingress.fakes import AT, FakeProducer, FakeViews, confirm, order_of
from tests.support.ingress.samples import as_customer, order_body
from tests.support.privacy.keyrings import load_records, new_records
from tests.unit.ingress.conftest import Client

ORDER = order_id("r1", "k1")
TOKEN = Tokens("secret", "").order(ORDER)
WORDS = ("Rua das Flores", "Ana Beatriz", "+5581987654321", "apto 1203")


def body(**changes: Any) -> dict[str, Any]:
    """Return an order whose personal data are words that occur nowhere else."""
    sample = order_body()
    address = sample["delivery_address"] | {"street": WORDS[0], "complement": WORDS[3]}
    customer = {"name": WORDS[1], "phone": WORDS[2]}
    return order_body(delivery_address=address, customer=customer) | changes


async def place(client: Client, by: str = "c-1", **changes: Any) -> tuple[int, bytes]:
    """Place the order, without a customer if `by` is empty; return status and body."""
    headers = {"Idempotency-Key": "k1"} | (as_customer(by) if by else {})
    response = await client.post("/v1/orders", json=body(**changes), headers=headers)
    return response.status, await response.read()


async def get_order(client: Client) -> dict[str, Any]:
    """Get the order as its customer."""
    response = await client.get(f"/v1/orders/{ORDER}", headers={"Authorization": f"Bearer {TOKEN}"})
    assert response.status == 200
    shown: dict[str, Any] = await response.json()
    return shown


def show(log: FakeProducer, views: FakeViews) -> None:
    """Put the placed order into the views, as egress does."""
    command = next(c for _, c, _ in log.written if isinstance(c, PlaceOrder))
    fields = {name: getattr(order_of(command), name) for name in order_of(command).__struct_fields__}
    order = type(order_of(command))(**fields | {"customer_id": "c-1"})
    views.orders[ORDER] = OrderView(order, [StatusChange("received", AT)], command.personal)


def forget(keyring: Keyring, order: str = ORDER) -> None:
    """Erase an order's personal data."""
    load_records(keyring, keyring.destroy([order]))


async def test_log_has_no_personal_data(client: Client, log: FakeProducer) -> None:
    """It is sealed before the command is written: key, value and headers contain none of it, however it is escaped."""
    assert (await place(client))[0] == 201
    key, command, headers = log.written[0]
    raw = b"\0".join([key, codec.encode(command), *(value for _, value in headers)])
    assert b"c-1" in raw and not any(word.encode() in raw for word in WORDS)


async def test_order_parties_see_the_recipient(client: Client, log: FakeProducer, views: FakeViews) -> None:
    """A restaurant cannot deliver to an address that it cannot read."""
    await place(client)
    show(log, views)
    shown = await get_order(client)
    assert shown["delivery_address"] == body()["delivery_address"]
    assert shown["customer"] == {"id": "c-1", **body()["customer"]}
    assert shown["forgotten"] is shown["unreadable"] is False


async def test_erased_order_has_no_personal_data(
    client: Client, log: FakeProducer, views: FakeViews, keyring: Keyring
) -> None:
    """The order itself stays: items, total, status."""
    await place(client)
    show(log, views)
    before = await get_order(client)
    forget(keyring)
    after = await get_order(client)
    personal = {
        "delivery_address": None,
        "customer": {"id": "c-1"},
        "forgotten": True,
    }
    assert after == before | personal


async def test_order_of_another_keyring_is_unreadable(
    client: Client, log: FakeProducer, views: FakeViews, keyring: Keyring, caplog: pytest.LogCaptureFixture
) -> None:
    """It is not forgotten: a keyring was lost, or data was damaged, and an operator has to know."""
    await place(client)
    show(log, views)
    before = await get_order(client)
    attempts = unreadable_attempts()
    load_records(keyring, new_records())
    after = await get_order(client)
    nothing = {"delivery_address": None, "customer": {"id": "c-1"}, "forgotten": False, "unreadable": True}
    assert after == before | nothing
    assert unreadable_attempts() == attempts + 1 and "personal data unreadable" in caplog.text


def unreadable_attempts() -> float:
    """Return the value of the metric that an alert watches."""
    return REGISTRY.get_sample_value("promo_personal_data_unreadable_total") or 0.0


async def test_forgotten_customer_needs_another_identity(
    client: Client, log: FakeProducer, views: FakeViews, keyring: Keyring
) -> None:
    """All orders of the customer are erased, a retry of one is a replay, and a new order is refused with the reason."""
    first = await place(client)
    show(log, views)
    load_records(keyring, keyring.destroy((), [key_name("c-1")]))
    shown = await get_order(client)
    assert shown["forgotten"] and shown["delivery_address"] is None
    log.decide = lambda command: Reply(confirm(command).answer, replayed=True)
    assert await place(client) == first
    log.decide = lambda command: Reply(Answer("key_reused"))
    status, problem = await place(client)
    assert status == 409 and b"customer-forgotten" in problem
    status, _ = await place(client, "c-2")
    assert status == 422


async def test_retry_after_erasure_is_a_replay(client: Client, log: FakeProducer, keyring: Keyring) -> None:
    """Only fields that are not erased are compared."""
    first = await place(client)
    forget(keyring)
    log.decide = lambda command: Reply(confirm(command).answer, replayed=True)
    assert await place(client) == first
    await place(client, payment={"method": "cash"})
    placed, again, other = [c for _, c, _ in log.written if isinstance(c, PlaceOrder)]
    assert again.personal is None and again.forgotten and again.request_fingerprint.endswith(".")
    assert placed.request_fingerprint.startswith(again.request_fingerprint)
    assert not placed.request_fingerprint.startswith(other.request_fingerprint)


async def test_stranger_gets_no_token_of_an_erased_order(
    client: Client, log: FakeProducer, keyring: Keyring
) -> None:
    """Who knows the key, the items and the payment is not the one whose address was compared: it is gone."""
    first = await place(client, "")
    assert b'"token"' in first[1]
    forget(keyring)
    log.decide = lambda command: Reply(confirm(command).answer, replayed=True)
    status, again = await place(client, "")
    assert status == 201 and b'"token"' not in again


async def test_an_order_without_a_token_has_name_and_phone(
    client: Client, log: FakeProducer, views: FakeViews
) -> None:
    """Whom to call is needed at the door also of a customer who has proved nothing."""
    await client.post("/v1/orders", json=body(), headers={"Idempotency-Key": "k1"})
    show(log, views)
    order = views.orders[ORDER].order
    views.orders[ORDER] = replace(views.orders[ORDER], order=replace(order, customer_id=None))
    assert (await get_order(client))["customer"] == body()["customer"]


async def test_another_customer_is_another_request(client: Client, log: FakeProducer) -> None:
    """The same key and body from a stranger is not the first one's order."""
    await place(client)
    await place(client, by="c-2")
    one, other = [c.request_fingerprint for _, c, _ in log.written if isinstance(c, PlaceOrder)]
    assert one != other


@pytest.mark.parametrize(("path", "value"), [("name", "Bia"), ("phone", "+5581999990001")])
async def test_other_personal_data_is_another_body(
    client: Client, log: FakeProducer, path: str, value: str
) -> None:
    """Contract: 422 for another body, also where the difference is sealed."""
    await place(client)
    await place(client, customer=body()["customer"] | {path: value})
    one, other = [c.request_fingerprint for _, c, _ in log.written if isinstance(c, PlaceOrder)]
    assert one != other
