"""The simulated provider, over HTTP, as a real process."""

import asyncio
import time
from pathlib import Path
from uuid import uuid4

import aiohttp
import msgspec
import pytest

from tests.support.payments.real_provider import ProviderClient, RealProvider
from tests.support.waiting import eventually


def new_order() -> str:
    return f"o_{uuid4().hex}"


async def test_authorisation_is_idempotent(client: ProviderClient) -> None:
    """The same order has the same answer and one authorisation, also for many calls at once."""
    order = new_order()
    answers = await asyncio.gather(*(client.authorise(order) for _ in range(30)))
    assert all(answer == answers[0] for answer in answers)
    status, body = answers[0]
    assert status == 200 and body["status"] == "authorised" and body["reference"]
    assert await client.kinds(order) == {"authorised": 1}


async def test_another_amount_is_422(client: ProviderClient) -> None:
    """The payment id stands for one amount."""
    order = new_order()
    await client.authorise(order)
    assert (await client.authorise(order, 991))[0] == 422
    assert await client.kinds(order) == {"authorised": 1}


async def test_malformed_request_is_400(client: ProviderClient) -> None:
    """Without its key, or with another body."""
    money = {"amount": 1, "currency": "BRL"}
    body = {"payment_id": new_order(), "order_id": "o", "amount": money, "method": "pix"}
    assert (await client.send("POST", "/authorisations", body))[0] == 400
    assert (await client.send("POST", "/authorisations", body, **{"Idempotency-Key": "x"}))[0] == 400
    assert (await client.send("POST", "/refunds", {"payment": "x"}))[0] == 400
    assert (await client.send("PUT", "/behaviour", {"error": 2}))[0] == 400


async def test_refund_is_idempotent(client: ProviderClient) -> None:
    """Exactly one refund, of the amount that was authorised."""
    order = new_order()
    await client.authorise(order)
    answers = await asyncio.gather(*(client.refund(order) for _ in range(10)))
    assert all(
        a == (200, {"status": "refunded", "amount": {"amount": 990, "currency": "BRL"}}) for a in answers
    )
    assert await client.kinds(order) == {"authorised": 1, "refunded": 1}


async def test_refund_of_another_authorisation_is_422(client: ProviderClient) -> None:
    """A refund returns the authorisation that it names, if that is its own payment's, and none otherwise."""
    first, second, unknown = new_order(), new_order(), new_order()
    references = [(await client.authorise(one))[1]["reference"] for one in (first, second)]
    for payment, reference in ((first, references[1]), (unknown, references[0]), (first, "")):
        assert (await client.refund(payment, reference))[0] == 422
    assert (await client.kinds(first), await client.kinds(unknown)) == ({"authorised": 1}, {})
    for _ in range(2):
        assert (await client.refund(first, references[0]))[1]["status"] == "refunded"
    assert (await client.refund(first, references[1]))[0] == 422
    assert await client.kinds(first) == {"authorised": 1, "refunded": 1}
    assert await client.kinds(second) == {"authorised": 1}


async def test_entries_of_an_earlier_release_are_of_their_order(
    tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    """They have no payment id: the order's id is that of the payment, whose refund names nothing."""
    file = tmp_path / "payments" / "ledger.jsonl"
    file.parent.mkdir(parents=True)
    order, money = new_order(), {"amount": 990, "currency": "BRL"}
    entry = {"order_id": order, "kind": "authorised", "amount": money, "reference": "pay_1", "at": "2026"}
    file.write_bytes(msgspec.json.encode(entry) + b"\n")
    provider = RealProvider(tmp_path)
    client = ProviderClient(session, provider.url)
    try:
        assert (await client.authorise(order))[1] == {"status": "authorised", "reference": "pay_1"}
        assert (await client.refund(order))[1]["status"] == "refunded"
    finally:
        provider.stop()


async def test_refund_before_the_authorisation(client: ProviderClient) -> None:
    """A late authorisation must not stand when the refund came first."""
    order = new_order()
    assert await client.refund(order) == (200, {"status": "nothing_to_refund"})
    assert (await client.authorise(order))[1]["status"] == "declined"
    assert await client.refund(order) == (200, {"status": "nothing_to_refund"})
    assert (await client.kinds(order))["authorised"] == 0


async def test_declined_order_stays_declined(client: ProviderClient) -> None:
    """One answer an order, though the provider would decide otherwise now."""
    order = new_order()
    assert (await client.behave(decline=1))[0] == 200
    assert (await client.authorise(order))[1]["status"] == "declined"
    await client.behave()
    assert (await client.authorise(order))[1]["status"] == "declined"
    assert await client.refund(order) == (200, {"status": "nothing_to_refund"})


async def test_errors_before_and_after_the_effect(client: ProviderClient) -> None:
    """Half of them are nasty: 500, and the money is authorised."""
    orders = [new_order() for _ in range(60)]
    await client.behave(error=1)
    assert {status for status, _ in [await client.authorise(order) for order in orders]} == {500}
    authorised = {entry["payment_id"] for entry in await client.ledger()} & set(orders)
    assert 10 < len(authorised) < 50


async def test_hanging_request_is_never_answered(client: ProviderClient) -> None:
    """Only the ledger shows whether it took effect."""
    orders = [new_order() for _ in range(40)]
    await client.behave(hang=1)
    answers = await asyncio.gather(
        *(client.authorise(order, timeout=1.0) for order in orders), return_exceptions=True
    )
    assert all(isinstance(answer, TimeoutError) for answer in answers)
    authorised = {entry["payment_id"] for entry in await client.ledger()} & set(orders)
    assert 5 < len(authorised) < 35


async def test_behaviour_can_be_set(client: ProviderClient) -> None:
    """Delays and duplicates, while it runs."""
    await client.behave(delay_ms=200, duplicate_callbacks=1)
    started = time.monotonic()
    status, body = await client.authorise(new_order())
    assert time.monotonic() - started >= 0.2 and (status, body["duplicate"]) == (200, True)
    _, behaviour = await client.send("GET", "/behaviour")
    assert behaviour == {
        "delay_ms": 200,
        "delay_jitter_ms": 0,
        "decline": 0,
        "error": 0,
        "hang": 0,
        "duplicate_callbacks": 1,
        "reject_status": 0,
    }


async def test_ledger_survives_kill_9(tmp_path: Path, session: aiohttp.ClientSession) -> None:
    """What was answered is kept. A line that was cut off in the middle was not answered."""
    provider = RealProvider(tmp_path, decline=0.5)
    client = ProviderClient(session, provider.url)
    try:
        orders = [new_order() for _ in range(20)]
        answers = [await client.authorise(order) for order in orders]
        assert {body["status"] for _, body in answers} == {"authorised", "declined"}, (
            "behaves as set at start"
        )
        await client.refund(orders[0])
        before = await client.ledger()
        provider.kill()
        with provider.ledger_file.open("ab") as file:
            file.write(b'{"order_id": "o_cut')
        provider.start()
        assert await client.ledger() == before
        assert [await client.authorise(order) for order in orders] == answers
        await client.refund(new_order())
        assert len(await client.ledger()) == len(before) + 1
    finally:
        provider.stop()


async def test_stops_at_once(tmp_path: Path, session: aiohttp.ClientSession) -> None:
    """`make down` must not wait for a request that hangs."""
    provider = RealProvider(tmp_path, hang=1)
    hanging = asyncio.ensure_future(ProviderClient(session, provider.url).authorise(new_order(), timeout=10))
    await eventually(provider.ledger_file.exists)
    await asyncio.sleep(0.2)  # the request is in flight
    await asyncio.to_thread(provider.stop)
    with pytest.raises(aiohttp.ClientError):  # before the client's timeout
        await hanging
