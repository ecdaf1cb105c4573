"""The executor with the simulated provider: one authorisation, one refund, and a circuit that metrics show."""

import asyncio
import random
import time
from collections import Counter
from uuid import uuid4

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from egress.payments import executor as executors
from egress.payments.executor import PaymentExecutor
from egress.payments.http_provider import HttpProvider
from egress.payments.provider import PaymentOutcome
from egress.resilience.circuit_breaker import CircuitBreaker
from egress.resilience.errors import AccessError, PermanentError, TransientError
from egress.resilience.retry_budget import RetryBudget
from schemas import codec
from schemas.runtime.secret_file import SecretFile
from tests.support.egress.metric_values import value
from tests.support.payments.fakes import request
from tests.support.payments.real_provider import ProviderClient, RealProvider
from tests.support.waiting import eventually

TIMEOUT = 0.3
NO_TOKEN = SecretFile("", "")


def executor_of(session: aiohttp.ClientSession, url: str, **breaker: float) -> PaymentExecutor:
    """Return an executor that calls the provider at this URL."""
    circuit = CircuitBreaker("payments", **breaker)  # type: ignore[arg-type]
    return PaymentExecutor(
        HttpProvider(session, url, NO_TOKEN, TIMEOUT), circuit, RetryBudget(max_tokens=10_000)
    )


def state() -> float:
    return value("promo_circuit_breaker_state", name="payments")


async def test_answers_of_the_provider(
    session: aiohttp.ClientSession, provider: RealProvider, client: ProviderClient
) -> None:
    """Every outcome, a permanent error, and transient ones of each kind."""
    order_id = f"o_{uuid4().hex}"
    http = HttpProvider(session, provider.url, NO_TOKEN, TIMEOUT)

    async def perform(kind: str, amount: int = 990, order: str = order_id) -> str:
        return (await http.perform(request(order, kind, amount=amount), codec.NO_TRACE)).status

    assert await perform("authorise") == "authorised"
    with pytest.raises(PermanentError, match="422"):
        await perform("authorise", amount=1)
    assert await perform("refund") == "refunded"
    assert await perform("refund", order=order_id + "x") == "nothing_to_refund"
    assert await perform("authorise", order=order_id + "x") == "declined"
    await client.behave(error=1)
    with pytest.raises(TransientError, match="500"):
        await perform("refund")
    await client.behave(hang=1)
    with pytest.raises(TransientError, match="Timeout"):
        await perform("refund")
    with pytest.raises(TransientError):
        await HttpProvider(session, "http://127.0.0.1:1", NO_TOKEN, TIMEOUT).perform(
            request("o"), codec.NO_TRACE
        )
    with pytest.raises(AccessError, match="404"):
        await HttpProvider(session, provider.url + "/x", NO_TOKEN, TIMEOUT).perform(
            request("o"), codec.NO_TRACE
        )


@pytest.mark.parametrize("named", [{}, {"reference": ""}, {"reference": "r" * 256}])
async def test_authorisation_without_a_usable_name_is_no_answer(
    session: aiohttp.ClientSession, named: dict[str, str]
) -> None:
    """No refund could name it later, and an order does not store a text of any length: it is asked for again."""

    async def authorise(_: web.Request) -> web.Response:
        return web.json_response({"status": "authorised"} | named)

    app = web.Application()
    app.router.add_post("/authorisations", authorise)
    async with TestServer(app) as server:
        with pytest.raises(TransientError, match="cannot be read"):
            await HttpProvider(session, str(server.make_url("")), NO_TOKEN, 5.0).perform(
                request("o"), codec.NO_TRACE
            )


async def test_provider_is_asked_by_the_payment(
    session: aiohttp.ClientSession, provider: RealProvider, client: ProviderClient
) -> None:
    """Two lives of one order have an authorisation each, and a refund returns the one that it names."""
    order = f"o_{uuid4().hex}"
    http = HttpProvider(session, provider.url, NO_TOKEN, TIMEOUT)

    async def perform(payment: str, kind: str, reference: str | UnsetType = UNSET) -> PaymentOutcome:
        asked = replace(request(order, kind), payment_id=order + payment, reference=reference)
        return await http.perform(asked, codec.NO_TRACE)

    first, second = await perform("1", "authorise"), await perform("2", "authorise")
    assert first.reference and second.reference and first.reference != second.reference
    assert await perform("1", "authorise") == first
    with pytest.raises(PermanentError, match="422"):
        await perform("2", "refund", first.reference)
    assert (await perform("2", "refund", second.reference)).status == "refunded"
    assert await client.kinds(order + "1") == {"authorised": 1}
    assert await client.kinds(order + "2") == {"authorised": 1, "refunded": 1}
    entries = [entry for entry in await client.ledger() if entry["order_id"] == order]
    assert [entry["returns"] for entry in entries] == ["", "", second.reference]


async def test_circuit_opens_and_closes(
    session: aiohttp.ClientSession, provider: RealProvider, client: ProviderClient
) -> None:
    """It opens, half-opens and closes, visible in metrics. Then the requests that waited are carried out."""
    executor = executor_of(session, provider.url, threshold=5, open_seconds=0.5)
    await client.behave(hang=1)
    orders = [f"o_{uuid4().hex}" for _ in range(30)]
    tasks = [asyncio.ensure_future(executor.execute(request(order), codec.NO_TRACE)) for order in orders]
    assert state() == 0
    await eventually(lambda: state() == 2)
    await client.behave(delay_ms=150)
    await eventually(lambda: state() == 1)
    await eventually(lambda: state() == 0)
    outcomes = await asyncio.gather(*tasks)
    assert {one.status for one in outcomes if one} == {"authorised"} and None not in outcomes
    for order in orders:
        assert await client.kinds(order) == {"authorised": 1}


async def test_one_authorisation_and_one_refund(
    session: aiohttp.ClientSession,
    provider: RealProvider,
    client: ProviderClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The provider hangs, fails 30 % and declines 20 %. Its ledger has no difference to what we were answered."""
    monkeypatch.setattr(executors, "FIRST_RETRY_SECONDS", 0.01)
    monkeypatch.setattr(executors, "MAX_REFUND_RETRY_SECONDS", 0.2)
    executor = executor_of(session, provider.url, threshold=1_000)
    await client.behave(
        error=0.3, decline=0.2, hang=0.05, delay_ms=1, delay_jitter_ms=5, duplicate_callbacks=0.2
    )
    orders = [f"o_{uuid4().hex}" for _ in range(400)]
    deadline = time.time_ns() // 1_000_000 + 8_000

    async def buy(order: str) -> tuple[str | None, str | None]:
        """Ask twice at once, as after a crash; then cancel a third of the orders, those in doubt too."""
        both = [executor.execute(request(order, deadline=deadline), codec.NO_TRACE) for _ in range(2)]
        outcomes = [one.status for one in await asyncio.gather(*both) if one]
        assert len(set(outcomes)) <= 1, "two different answers"
        answer = outcomes[0] if outcomes else None
        if answer is not None and random.random() > 0.3:
            return answer, None
        refunds = [executor.execute(request(order, "refund"), codec.NO_TRACE) for _ in range(2)]
        (refund,) = {one.status for one in await asyncio.gather(*refunds) if one}
        return answer, refund

    answers = dict(zip(orders, await asyncio.gather(*map(buy, orders)), strict=True))
    await client.behave()
    entries: dict[str, Counter[str]] = {order: Counter() for order in orders}
    for entry in await client.ledger():
        if entry["order_id"] in entries:
            entries[entry["order_id"]][entry["kind"]] += 1
    for order, (outcome, refund) in answers.items():
        kinds = entries[order]
        assert max(kinds.values()) == 1, (order, kinds)
        assert outcome in (None, "authorised" if kinds["authorised"] else "declined")
        assert (refund == "refunded") == bool(kinds["refunded"])
        assert not (refund == "refunded" and not kinds["authorised"])
        assert outcome or not kinds["authorised"] or kinds["refunded"], "in doubt, and money kept"
    assert {outcome for outcome, _ in answers.values()} >= {"authorised", "declined"}
