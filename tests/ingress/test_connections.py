"""Clients that say nothing, say it slowly, or do not listen hold a connection for a while, and nothing else."""

import asyncio
import resource
import time
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress import connections, request_body
from ingress.app import make_app
from ingress.asking import Asking
from ingress.connections import HEAD_SECONDS, IDLE_SECONDS, UNREAD_SECONDS, Connections, Patience
from ingress.health import Health
from ingress.listening import listening
from schemas.settings import Settings
from tests.ingress.conftest import HOST
from tests.ingress.fakes import FakeLog, FakeViews, QuietFeeds
from tests.privacy.keyrings import whole_keyring

HEAD = b"POST /v1/orders HTTP/1.1\r\nHost: x\r\nIdempotency-Key: k\r\nContent-Length: 1000\r\n\r\n"
LIVE = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"


def test_a_head_must_come_in_time_however_many_bytes_of_it_come() -> None:
    """Slowloris: a byte now and then does not buy time."""
    patience = Patience(0.0)
    for now in range(1, 10):
        patience.received(float(now))
        assert not patience.is_over(float(now))
    assert patience.is_over(HEAD_SECONDS + 0.1)


def test_a_connection_that_says_nothing_is_not_kept() -> None:
    """From its first moment it has the time of one head."""
    assert not Patience(5.0).is_over(5.0 + HEAD_SECONDS) and Patience(5.0).is_over(5.1 + HEAD_SECONDS)


def test_a_request_under_way_is_not_hurried_and_an_idle_connection_is_kept_for_a_while() -> None:
    """Streams of events last for hours; gateways keep connections between requests."""
    patience = Patience(0.0)
    patience.received(1.0)
    patience.asked()
    assert not patience.is_over(10_000.0)
    patience.answered(10_000.0)
    assert not patience.is_over(10_000.0 + IDLE_SECONDS) and patience.is_over(10_000.1 + IDLE_SECONDS)
    patience.answered_at_once(10_060.0)
    assert not patience.is_over(10_060.0 + IDLE_SECONDS)
    patience.received(10_070.0)
    assert patience.is_over(10_070.1 + HEAD_SECONDS)


def test_who_does_not_read_is_let_go_even_in_the_middle_of_a_request() -> None:
    """Its answer fills our memory."""
    patience = Patience(0.0)
    patience.asked()
    patience.reads(False, 10.0)
    assert not patience.is_over(10.0 + UNREAD_SECONDS) and patience.is_over(10.1 + UNREAD_SECONDS)
    patience.reads(True, 20.0)
    assert not patience.is_over(1_000.0)


steps = st.lists(
    st.sampled_from(["received", "asked", "answered", "at once", "stalls", "reads"]), max_size=30
)


@given(steps)
def test_without_requests_under_way_every_connection_ends(taken: list[str]) -> None:
    """Whatever a client did before: silence is not kept for ever."""
    patience, handled, now = Patience(0.0), 0, 0.0
    for step in taken:
        now += 1.0
        match step:
            case "received":
                patience.received(now)
            case "asked":
                patience.asked()
                handled += 1
            case "answered" if handled:
                patience.answered(now)
                handled -= 1
            case "at once" if not handled:
                patience.answered_at_once(now)
            case "stalls":
                patience.reads(False, now)
            case "reads":
                patience.reads(True, now)
    for _ in range(handled):
        patience.answered(now)
    assert patience.is_over(now + max(HEAD_SECONDS, IDLE_SECONDS, UNREAD_SECONDS) + 0.1)


def test_there_is_room_for_what_was_asked_if_the_system_allows_it() -> None:
    """The soft limit of open files is often 1,024; the hard one is what counts."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (512, before[1]))
        assert connections.room(700) == 700
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 700 + connections.OTHER_FILES
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    """A process that has patience for half a second, and room for eight connections."""
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.5)
    monkeypatch.setattr(connections, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(request_body, "BODY_SECONDS", 0.5)
    log, views = FakeLog(), FakeViews()
    log.asking = Asking(log, reply_partition=3, most=9)
    settings = Settings(token_secret="secret")
    app = make_app(settings, log.asking, views, Health({"views": views.ping}), whole_keyring(), QuietFeeds())
    async with listening(app, HOST, 0, patience=1, most=8) as listened:
        yield listened


async def trickle(port: int, sent: bytes) -> bytes:
    """Send a byte at a time until the connection ends; return what came."""
    reader, writer = await asyncio.open_connection(HOST, port)
    answer = asyncio.ensure_future(reader.read())
    try:
        for byte in sent:
            if answer.done():
                break
            writer.write(bytes([byte]))
            await asyncio.sleep(0.05)
        return await asyncio.wait_for(answer, 15)
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def ask(port: int, sent: bytes = LIVE) -> bytes:
    """Ask on a connection of its own, which is then closed; the beginning of the answer."""
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(sent)
    answer = await asyncio.wait_for(reader.read(2000), 5)
    writer.close()
    return answer


async def test_slow_heads_and_silent_connections_are_ended_and_others_are_served(port: int) -> None:
    """Slowloris and silence on all but one of the connections; a good client is answered meanwhile."""
    started = time.perf_counter()
    slow = [asyncio.ensure_future(trickle(port, HEAD)) for _ in range(4)]
    silent = [await asyncio.open_connection(HOST, port) for _ in range(3)]
    assert (await ask(port)).startswith(b"HTTP/1.1 200")
    assert await asyncio.gather(*slow) == [b""] * 4
    assert [await asyncio.wait_for(reader.read(), 5) for reader, _ in silent] == [b""] * 3
    assert time.perf_counter() - started < 4.0, "before a tenth of the bytes had been sent"
    for _, writer in silent:
        writer.close()


async def test_a_slow_body_is_told_that_it_is_too_slow(port: int) -> None:
    """408, after which the connection is no use any more."""
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(HEAD + b"{")
    answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    assert answer.startswith(b"HTTP/1.1 408") and b"application/problem+json" in answer
    writer.close()


async def test_past_the_limit_of_connections_the_next_one_is_told_to_come_back(port: int) -> None:
    """503 with Retry-After, at once; there is room again when one has gone."""
    held = [await asyncio.open_connection(HOST, port) for _ in range(8)]
    for reader, writer in held:
        writer.write(LIVE)
        assert (await reader.read(2000)).startswith(b"HTTP/1.1 200")
    answer = await ask(port)
    assert (
        answer.startswith(b"HTTP/1.1 503") and b"Retry-After" in answer and b"/problems/overloaded" in answer
    )
    held[0][1].close()
    await held[0][1].wait_closed()
    for _ in range(100):
        if (await ask(port)).startswith(b"HTTP/1.1 200"):
            break
        await asyncio.sleep(0.02)
    else:
        raise AssertionError("there is no room again")
    for _, writer in held:
        writer.close()


def test_who_left_is_not_counted() -> None:
    """A connection that is forgotten makes room, and is not looked at."""

    class One:
        def __init__(self) -> None:
            self.patience = Patience(0.0)
            self.aborted = False

        def abort(self) -> None:
            self.aborted = True

    some, one, two = Connections(1), One(), One()
    assert some.admit(one) and not some.admit(two)
    some.leave(one)
    assert some.admit(two)
    some.look(1_000.0)
    assert two.aborted and not one.aborted
