"""The simulated provider, over HTTP, as a real process."""

import asyncio
import time
from pathlib import Path
from uuid import uuid4

import aiohttp
import pytest

from tests.payments.real_provider import Customer, RealProvider
from tests.waiting import eventually


def new_order() -> str:
    return f"o_{uuid4().hex}"


async def test_the_same_order_gives_the_same_answer_and_one_authorisation(customer: Customer) -> None:
    """Idempotent by order id, also for many at once."""
    order = new_order()
    answers = await asyncio.gather(*(customer.authorise(order) for _ in range(30)))
    assert all(answer == answers[0] for answer in answers)
    status, body = answers[0]
    assert status == 200 and body["status"] == "authorised" and body["reference"]
    assert await customer.kinds(order) == {"authorised": 1}


async def test_another_amount_for_the_same_order_is_422(customer: Customer) -> None:
    """The order id stands for one payment."""
    order = new_order()
    await customer.authorise(order)
    assert (await customer.authorise(order, 991))[0] == 422
    assert await customer.kinds(order) == {"authorised": 1}


async def test_a_request_without_its_key_or_with_another_body_is_400(customer: Customer) -> None:
    """A client that errs must hear of it."""
    body = {"order_id": new_order(), "amount": {"amount": 1, "currency": "BRL"}, "method": "pix"}
    assert (await customer.send("POST", "/authorisations", body))[0] == 400
    assert (await customer.send("POST", "/authorisations", body, **{"Idempotency-Key": "x"}))[0] == 400
    assert (await customer.send("POST", "/refunds", {"order": "x"}))[0] == 400
    assert (await customer.send("PUT", "/behaviour", {"error": 2}))[0] == 400


async def test_an_authorisation_is_refunded_once(customer: Customer) -> None:
    """Exactly one refund, of the amount that was authorised."""
    order = new_order()
    await customer.authorise(order)
    answers = await asyncio.gather(*(customer.refund(order) for _ in range(10)))
    assert all(
        a == (200, {"status": "refunded", "amount": {"amount": 990, "currency": "BRL"}}) for a in answers
    )
    assert await customer.kinds(order) == {"authorised": 1, "refunded": 1}


async def test_a_refund_of_nothing_shuts_the_order_out(customer: Customer) -> None:
    """A late authorisation must not stand when the refund was asked for first."""
    order = new_order()
    assert await customer.refund(order) == (200, {"status": "nothing_to_refund"})
    assert (await customer.authorise(order))[1]["status"] == "declined"
    assert await customer.refund(order) == (200, {"status": "nothing_to_refund"})
    assert (await customer.kinds(order))["authorised"] == 0


async def test_a_declined_order_stays_declined(customer: Customer) -> None:
    """One answer an order, though the provider would say something else by now."""
    order = new_order()
    assert (await customer.behave(decline=1))[0] == 200
    assert (await customer.authorise(order))[1]["status"] == "declined"
    await customer.behave()
    assert (await customer.authorise(order))[1]["status"] == "declined"
    assert await customer.refund(order) == (200, {"status": "nothing_to_refund"})


async def test_errors_come_before_and_after_the_effect(customer: Customer) -> None:
    """The nasty half: 500, and the money is authorised."""
    orders = [new_order() for _ in range(60)]
    await customer.behave(error=1)
    assert {status for status, _ in [await customer.authorise(order) for order in orders]} == {500}
    authorised = {entry["order_id"] for entry in await customer.ledger()} & set(orders)
    assert 10 < len(authorised) < 50


async def test_a_request_that_hangs_is_never_answered(customer: Customer) -> None:
    """Whether it took effect nobody knows but the ledger."""
    orders = [new_order() for _ in range(40)]
    await customer.behave(hang=1)
    answers = await asyncio.gather(
        *(customer.authorise(order, timeout=1.0) for order in orders), return_exceptions=True
    )
    assert all(isinstance(answer, TimeoutError) for answer in answers)
    authorised = {entry["order_id"] for entry in await customer.ledger()} & set(orders)
    assert 5 < len(authorised) < 35


async def test_delays_and_duplicates_are_as_they_were_set(customer: Customer) -> None:
    """Adjustable while it runs."""
    await customer.behave(delay_ms=200, duplicate_callbacks=1)
    started = time.monotonic()
    status, body = await customer.authorise(new_order())
    assert time.monotonic() - started >= 0.2 and (status, body["duplicate"]) == (200, True)
    _, behaviour = await customer.send("GET", "/behaviour")
    assert behaviour == {
        "delay_ms": 200,
        "delay_jitter_ms": 0,
        "decline": 0,
        "error": 0,
        "hang": 0,
        "duplicate_callbacks": 1,
    }


async def test_the_ledger_survives_kill_9_and_a_torn_line(
    tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    """What was answered is kept; what was cut off in the middle was not answered."""
    provider = RealProvider(tmp_path, decline=0.5)
    customer = Customer(session, provider.url)
    try:
        orders = [new_order() for _ in range(20)]
        answers = [await customer.authorise(order) for order in orders]
        assert {body["status"] for _, body in answers} == {"authorised", "declined"}, (
            "behaves as set at start"
        )
        await customer.refund(orders[0])
        before = await customer.ledger()
        provider.kill()
        with provider.ledger_file.open("ab") as file:
            file.write(b'{"order_id": "o_cut')
        provider.start()
        assert await customer.ledger() == before
        assert [await customer.authorise(order) for order in orders] == answers
        await customer.refund(new_order())
        assert len(await customer.ledger()) == len(before) + 1
    finally:
        provider.stop()


async def test_it_stops_at_once_though_requests_hang(tmp_path: Path, session: aiohttp.ClientSession) -> None:
    """`make down` must not wait for whoever is never answered."""
    provider = RealProvider(tmp_path, hang=1)
    hanging = asyncio.ensure_future(Customer(session, provider.url).authorise(new_order(), timeout=30))
    await eventually(provider.ledger_file.exists)
    await asyncio.sleep(0.2)
    started = time.monotonic()
    await asyncio.to_thread(provider.stop)
    assert time.monotonic() - started < 3
    with pytest.raises((aiohttp.ClientError, TimeoutError)):
        await hanging
