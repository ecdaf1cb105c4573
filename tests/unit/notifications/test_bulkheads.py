"""Bulkheads: whose deliveries are admitted and attempted while others stay silent."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egress.notifications import attempt_quotas, bulkheads
from egress.notifications.attempt_quotas import AttemptQuotas, Standing
from egress.notifications.bulkheads import Bulkheads
from egress.notifications.channel import GoneError
from egress.resilience.errors import PermanentError, TransientError
from tests.support.virtual_clock import in_virtual_time

ANSWERS = [None, TransientError("busy", 503), PermanentError("refused", 400), GoneError("gone", 410)]


async def attempt(
    channel: Bulkheads, recipient: str, outcome: Exception | None, seconds: float = 0.0
) -> None:
    """Make an attempt that takes a while and ends so."""

    async def send() -> None:
        await asyncio.sleep(seconds)
        if outcome is not None:
            raise outcome

    await channel.attempt(recipient, send)


@pytest.mark.parametrize("outcome", ANSWERS, ids=repr)
async def test_any_answer_proves_a_recipient(outcome: Exception | None) -> None:
    """A recipient that answers with an error holds no connection."""
    channel = Bulkheads("push", 4, max_pending=40)
    channel.enter("a", "a.example")
    await asyncio.gather(attempt(channel, "a", outcome), return_exceptions=True)
    assert channel._quotas.standing("a", "a.example") is Standing.ANSWERED


@pytest.mark.parametrize(
    "outcome", [GoneError("unsubscribed"), PermanentError("forbidden address")], ids=repr
)
async def test_what_was_not_sent_proves_nothing(outcome: Exception) -> None:
    """Else an endpoint of an ended subscription would get the connections of one that answers."""
    channel = Bulkheads("push", 4, max_pending=40)
    channel.enter("a", "a.example")
    for last, standing in ((None, Standing.NEW), (TransientError("silent"), Standing.SILENT)):
        if last is not None:
            await asyncio.gather(attempt(channel, "a", last), return_exceptions=True)
        await asyncio.gather(attempt(channel, "a", outcome), return_exceptions=True)
        assert channel._quotas.standing("a", "a.example") is standing


@in_virtual_time
async def test_wait_for_a_connection_is_no_failure() -> None:
    """All connections are taken for a minute; the circuit of the recipient that waits stays closed."""
    channel = Bulkheads("push", 4, max_pending=400)
    names = [f"n{n}" for n in range(2 * bulkheads.FAILURE_THRESHOLD)]
    for name in (*names, "good"):
        channel.enter(name, name)
    channel._quotas._pools[Standing.NEW] = asyncio.Semaphore(1)
    slow = [asyncio.create_task(attempt(channel, name, None, 60.0)) for name in names]
    await asyncio.sleep(1.0)
    waited = asyncio.get_running_loop().time()
    await attempt(channel, "good", None)
    assert asyncio.get_running_loop().time() - waited > 60.0
    assert channel._bulkheads["good"].breaker.state == "closed"
    await asyncio.gather(*slow)


@in_virtual_time
async def test_silent_recipients_wait_for_each_other_only() -> None:
    """Those that were silent share few connections; new ones and those that answered have others."""
    quotas = AttemptQuotas()
    count = 10 * attempt_quotas.MAX_ATTEMPTS[Standing.SILENT]
    for n in range(count):
        quotas.record(f"silent-{n}", False)
    quotas.record("answered", True)
    holding = 0

    async def hold(recipient: str) -> None:
        nonlocal holding
        async with quotas.slot(recipient, recipient):
            holding += 1
            await asyncio.Event().wait()

    tasks = [asyncio.create_task(hold(f"silent-{n}")) for n in range(count)]
    await asyncio.sleep(1.0)
    assert holding == attempt_quotas.MAX_ATTEMPTS[Standing.SILENT]
    async with asyncio.timeout(1.0), quotas.slot("answered", "a"), quotas.slot("new", "b"):
        pass
    for task in tasks:
        task.cancel()


@in_virtual_time
async def test_names_of_one_domain_share_its_attempts() -> None:
    """Hundreds of names in a domain get no more at a time than one; a first answer frees those that wait."""
    quotas, highest, now = AttemptQuotas(), 0, 0

    async def hold(n: int) -> None:
        nonlocal highest, now
        async with quotas.slot(f"n{n}.wildcard.example", "wildcard.example"):
            now += 1
            highest = max(highest, now)
            await asyncio.sleep(10.0)
            now -= 1

    async with asyncio.timeout(10.0 * 300):
        await asyncio.gather(*(hold(n) for n in range(300)))
    assert highest == attempt_quotas.MAX_ATTEMPTS_PER_SITE

    done: list[float] = []

    async def push(n: int) -> None:
        async with quotas.slot("service", "service"):
            await asyncio.sleep(10.0)
        quotas.record("service", True)
        done.append(asyncio.get_running_loop().time())

    await asyncio.gather(*(push(n) for n in range(100)))
    assert max(done) - min(done) < 21.0, "after the first answer all are sent at once"


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["new", "answered"]), st.integers(0, 40), st.sampled_from(["attacker", "other"])
        ),
        max_size=300,
    )
)
def test_recipients_leave_room_for_others(deliveries: list[tuple[str, int, str]]) -> None:
    """Whatever endpoints are subscribed: those of known services are admitted, and so is a first one of another."""
    channel = Bulkheads("push", 4, max_pending=40, known_sites=frozenset({"known.example"}))
    for standing, n, site in deliveries:
        recipient, domain = f"{standing}-{n}.{site}.example", f"{site}.example"
        if standing == "answered":
            channel._quotas.record(recipient, True)
        if channel.admits(recipient, domain):
            channel.enter(recipient, domain)
    assert channel.free >= 10 and channel.admits("push.known.example", "known.example")
    if not any(standing == "answered" for standing, *_ in deliveries):
        assert channel.free >= 20 and channel.admits("new.third.example", "third.example")


@in_virtual_time
async def test_slow_answers_are_silence() -> None:
    """They hold connections as long; a known service has its own, however slow the others and itself."""
    channel = Bulkheads("push", 4, max_pending=4_000, known_sites=frozenset({"known.example"}))
    slow = [f"slow-{n}.example" for n in range(2 * attempt_quotas.MAX_ATTEMPTS[Standing.ANSWERED])]
    for name in slow:
        channel.enter(name, name)
        channel._quotas.record(name, True)
    channel.enter("push.known.example", "known.example")
    loop = asyncio.get_running_loop()
    rounds = [
        asyncio.create_task(attempt(channel, name, None, 9.0))
        for name in slow
        for _ in range(attempt_quotas.MAX_UNANSWERED)
    ]
    await asyncio.sleep(1.0)
    for _ in range(3):
        started = loop.time()
        await attempt(channel, "push.known.example", None, 9.0)
        assert loop.time() - started < 9.5
    await asyncio.gather(*rounds)
    assert {channel._quotas.standing(name, name) for name in slow} == {Standing.SILENT}


def test_left_deliveries_are_not_counted() -> None:
    """Also if the standing of their recipient has changed since they entered."""
    channel = Bulkheads("push", 4, max_pending=40)
    entered = [channel.enter("a", "a.example") for _ in range(3)]
    channel._quotas.record("a", True)
    entered.append(channel.enter("a", "a.example"))
    for delivery in entered:
        channel.leave(delivery)
    assert channel.free == 40 and not channel._unproven and not channel._bulkheads
    assert not channel._unproven_total


def test_one_lost_answer_is_forgiven() -> None:
    """A recipient that answers now and then is not put among the silent ones; one that never did is, at once."""
    quotas = AttemptQuotas()
    quotas.record("new", False)
    quotas.record("good", True)
    standings = []
    for _ in range(attempt_quotas.MAX_UNANSWERED):
        standings.append(quotas.standing("good", "a.example"))
        quotas.record("good", False)
    assert set(standings) == {Standing.ANSWERED}
    assert quotas.standing("good", "a.example") is quotas.standing("new", "a.example") is Standing.SILENT
    quotas.record("good", True)
    assert quotas.standing("good", "a.example") is Standing.ANSWERED


def test_standings_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody may subscribe any number of names."""
    monkeypatch.setattr(attempt_quotas, "MAX_REMEMBERED", 2)
    quotas = AttemptQuotas()
    for name in ("a", "b", "a", "c"):
        quotas.record(name, True)
    assert [quotas.standing(name, "a.example") for name in "abc"] == [
        Standing.ANSWERED,
        Standing.NEW,
        Standing.ANSWERED,
    ]
