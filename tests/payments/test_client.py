"""The client against the real provider: exactly one authorisation, exactly one refund, and a breaker that is seen."""

import asyncio
import random
import time
from collections import Counter
from uuid import uuid4

import aiohttp
import pytest

from egress import retrying
from egress.gateway import clerk as clerks
from egress.gateway.breaker import Breaker
from egress.gateway.budget import RetryBudget
from egress.gateway.clerk import Clerk
from egress.gateway.http_provider import HttpProvider
from egress.gateway.provider import FailedError, RefusedError
from schemas import codec, metrics
from tests.payments.fakes import request
from tests.payments.real_provider import Customer, RealProvider
from tests.waiting import eventually

TIMEOUT = 0.3


async def hire(session: aiohttp.ClientSession, url: str, **breaker: float) -> Clerk:
    """Return a clerk who asks the provider at this address."""
    circuit = await Breaker.make("payments", **breaker)  # type: ignore[arg-type]
    return Clerk(HttpProvider(session, url, TIMEOUT), circuit, RetryBudget(reserve=10_000))


def state() -> float:
    return next(
        sample.value
        for sample in metrics.circuit_breaker_state.collect()[0].samples
        if sample.labels["name"] == "payments"
    )


async def test_each_answer_of_the_provider_is_understood(
    session: aiohttp.ClientSession, provider: RealProvider, customer: Customer
) -> None:
    """Every outcome, a refusal, and a failure of each kind."""
    order_id = f"o_{uuid4().hex}"
    http = HttpProvider(session, provider.url, TIMEOUT)

    async def ask(kind: str, amount: int = 990, order: str = order_id) -> str:
        return (await http.ask(request(order, kind, amount=amount), codec.NO_TRACE)).outcome

    assert await ask("authorise") == "authorised"
    with pytest.raises(RefusedError, match="422"):
        await ask("authorise", amount=1)
    assert await ask("refund") == "refunded"
    assert await ask("refund", order=order_id + "x") == "nothing_to_refund"
    assert await ask("authorise", order=order_id + "x") == "declined"
    await customer.behave(error=1)
    with pytest.raises(FailedError, match="500"):
        await ask("refund")
    await customer.behave(hang=1)
    with pytest.raises(FailedError, match="Timeout"):
        await ask("refund")
    with pytest.raises(FailedError):
        await HttpProvider(session, "http://127.0.0.1:1", TIMEOUT).ask(request("o"), codec.NO_TRACE)
    with pytest.raises(RefusedError, match="404"):
        await HttpProvider(session, provider.url + "/x", TIMEOUT).ask(request("o"), codec.NO_TRACE)


async def test_the_breaker_opens_half_opens_and_closes_against_the_real_provider(
    session: aiohttp.ClientSession, provider: RealProvider, customer: Customer
) -> None:
    """Issue 5: the breaker opens, half-opens and closes, visible in /metrics; what waited is then carried out."""
    clerk = await hire(session, provider.url, threshold=5, rest_seconds=0.5)
    await customer.behave(hang=1)
    orders = [f"o_{uuid4().hex}" for _ in range(30)]
    errands = [asyncio.ensure_future(clerk.carry_out(request(order), codec.NO_TRACE)) for order in orders]
    assert state() == 0
    await eventually(lambda: state() == 2)
    await customer.behave(delay_ms=150)
    await eventually(lambda: state() == 1)
    await eventually(lambda: state() == 0)
    verdicts = await asyncio.gather(*errands)
    assert {verdict.outcome for verdict in verdicts if verdict} == {"authorised"} and None not in verdicts
    for order in orders:
        assert await customer.kinds(order) == {"authorised": 1}


async def test_each_order_is_authorised_once_and_refunded_once_whatever_the_provider_does(
    session: aiohttp.ClientSession,
    provider: RealProvider,
    customer: Customer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Issue 5: hanging, failing 30 % and declining 20 %; its ledger is as the client was told, 0 differences."""
    monkeypatch.setattr(retrying, "FIRST_SECONDS", 0.01)
    monkeypatch.setattr(clerks, "REFUND_PAUSE", 0.2)
    clerk = await hire(session, provider.url, threshold=1_000)
    await customer.behave(
        error=0.3, decline=0.2, hang=0.05, delay_ms=1, delay_jitter_ms=5, duplicate_callbacks=0.2
    )
    orders = [f"o_{uuid4().hex}" for _ in range(400)]
    deadline = time.time_ns() // 1_000_000 + 8_000

    async def buy(order: str) -> tuple[str | None, str | None]:
        """Ask twice at once, as after a crash; then a third of the orders is cancelled, in doubt or not."""
        both = [clerk.carry_out(request(order, deadline=deadline), codec.NO_TRACE) for _ in range(2)]
        verdicts = [verdict.outcome for verdict in await asyncio.gather(*both) if verdict]
        assert len(set(verdicts)) <= 1, "told two things"
        told = verdicts[0] if verdicts else None
        if told is not None and random.random() > 0.3:
            return told, None
        refunds = [clerk.carry_out(request(order, "refund"), codec.NO_TRACE) for _ in range(2)]
        (refund,) = {verdict.outcome for verdict in await asyncio.gather(*refunds) if verdict}
        return told, refund

    told = dict(zip(orders, await asyncio.gather(*map(buy, orders)), strict=True))
    await customer.behave()
    entries: dict[str, Counter[str]] = {order: Counter() for order in orders}
    for entry in await customer.ledger():
        if entry["order_id"] in entries:
            entries[entry["order_id"]][entry["kind"]] += 1
    for order, (outcome, refund) in told.items():
        kinds = entries[order]
        assert max(kinds.values()) == 1, (order, kinds)
        assert outcome in (None, "authorised" if kinds["authorised"] else "declined")
        assert (refund == "refunded") == bool(kinds["refunded"])
        assert not (refund == "refunded" and not kinds["authorised"])
        assert outcome or not kinds["authorised"] or kinds["refunded"], "in doubt, and money kept"
    assert {outcome for outcome, _ in told.values()} >= {"authorised", "declined"}
