"""Clients that send nothing, send it slowly or do not read occupy a connection for a while, and nothing else."""

import asyncio
import resource
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.http import request_body
from ingress.http.client_addresses import AddressLimit
from ingress.http.problems import Overloaded
from ingress.server import connection_limits
from ingress.server.connection_limits import (
    HEAD_TIMEOUT_SECONDS,
    IDLE_TIMEOUT_SECONDS,
    WRITE_TIMEOUT_SECONDS,
    Connections,
    ConnectionTimers,
)
from schemas.runtime import open_files
from schemas.settings import Settings
from tests.support.ingress.apps import HOST, application, serving

HEAD = b"POST /v1/orders HTTP/1.1\r\nHost: x\r\nIdempotency-Key: k\r\nContent-Length: 1000\r\n\r\n"
SETTINGS = Settings(token_secret="secret")
LIVE = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"


def test_slow_head_expires() -> None:
    """Slowloris: a byte now and then does not extend the timeout."""
    timers = ConnectionTimers(0.0)
    for now in range(1, 10):
        timers.data_received(float(now))
        assert not timers.is_expired(float(now))
    assert timers.is_expired(HEAD_TIMEOUT_SECONDS + 0.1)


def test_silent_connection_expires() -> None:
    """The head timeout runs from the start of the connection."""
    timers = ConnectionTimers(5.0)
    assert not timers.is_expired(5.0 + HEAD_TIMEOUT_SECONDS)
    assert timers.is_expired(5.1 + HEAD_TIMEOUT_SECONDS)


def test_request_in_flight_has_no_timeout() -> None:
    """Event streams last for hours, and an idle connection is kept until the idle timeout."""
    timers = ConnectionTimers(0.0)
    timers.data_received(1.0)
    timers.request_started()
    assert not timers.is_expired(10_000.0)
    timers.request_finished(10_000.0)
    assert not timers.is_expired(10_000.0 + IDLE_TIMEOUT_SECONDS) and timers.is_expired(
        10_000.1 + IDLE_TIMEOUT_SECONDS
    )
    timers.fast_path_finished(10_060.0)
    assert not timers.is_expired(10_060.0 + IDLE_TIMEOUT_SECONDS)
    timers.data_received(10_070.0)
    assert timers.is_expired(10_070.1 + HEAD_TIMEOUT_SECONDS)


def test_unread_response_expires() -> None:
    """It fills our memory, so the write timeout applies also while a request is in flight."""
    timers = ConnectionTimers(0.0)
    timers.request_started()
    timers.set_reading(False, 10.0)
    assert not timers.is_expired(10.0 + WRITE_TIMEOUT_SECONDS) and timers.is_expired(
        10.1 + WRITE_TIMEOUT_SECONDS
    )
    timers.set_reading(True, 20.0)
    assert not timers.is_expired(1_000.0)


steps = st.lists(
    st.sampled_from(["data", "started", "finished", "fast path", "stalls", "reads"]), max_size=30
)


@given(steps)
def test_every_idle_connection_expires(history: list[str]) -> None:
    """Whatever a client did before: without a request in flight a connection ends."""
    timers, in_flight, now = ConnectionTimers(0.0), 0, 0.0
    for step in history:
        now += 1.0
        match step:
            case "data":
                timers.data_received(now)
            case "started":
                timers.request_started()
                in_flight += 1
            case "finished" if in_flight:
                timers.request_finished(now)
                in_flight -= 1
            case "fast path" if not in_flight:
                timers.fast_path_finished(now)
            case "stalls":
                timers.set_reading(False, now)
            case "reads":
                timers.set_reading(True, now)
    for _ in range(in_flight):
        timers.request_finished(now)
    assert timers.is_expired(
        now + max(HEAD_TIMEOUT_SECONDS, IDLE_TIMEOUT_SECONDS, WRITE_TIMEOUT_SECONDS) + 0.1
    )


def test_open_file_limit_is_raised() -> None:
    """The soft limit of open files is often 1,024; the hard one is what counts."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (512, before[1]))
        assert open_files.raise_limit(700) == 700
        hard = before[1] if before[1] != resource.RLIM_INFINITY else open_files.MAX_OPEN_FILES
        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        assert soft == min(hard, open_files.MAX_OPEN_FILES) > 700 + open_files.RESERVED_FILES
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.fixture
async def port(both_ways: bool, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    """The port of a process with timeouts of half a second, and room for eight connections."""
    monkeypatch.setattr(connection_limits, "HEAD_TIMEOUT_SECONDS", 0.5)
    monkeypatch.setattr(connection_limits, "CHECK_INTERVAL_SECONDS", 0.05)
    monkeypatch.setattr(request_body, "BODY_TIMEOUT_SECONDS", 0.5)
    app = application(Settings(token_secret="secret", fast_path=both_ways, max_connections=8))
    async with serving(app) as port:
        yield port


async def trickle(port: int, head: bytes) -> tuple[bytes, bool]:
    """Send a byte at a time until the connection ends; return what was received, and True if all was sent."""
    reader, writer = await asyncio.open_connection(HOST, port)
    answer = asyncio.ensure_future(reader.read())
    is_all_sent = False
    try:
        for byte in head:
            if answer.done():
                break
            writer.write(bytes([byte]))
            await asyncio.sleep(0.05)
        else:
            is_all_sent = True
        return await asyncio.wait_for(answer, 15), is_all_sent
    except ConnectionError:
        return b"", is_all_sent
    finally:
        writer.close()


async def ask(port: int, sent: bytes = LIVE) -> bytes:
    """Send a request on a connection of its own, and return the beginning of the response."""
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(sent)
    answer = await asyncio.wait_for(reader.read(2000), 5)
    writer.close()
    return answer


async def test_slow_clients_do_not_starve_others(port: int) -> None:
    """Slowloris and silence on all but one of the connections; a good client is answered."""
    slow = [asyncio.ensure_future(trickle(port, HEAD)) for _ in range(4)]
    silent = [await asyncio.open_connection(HOST, port) for _ in range(3)]
    assert (await ask(port)).startswith(b"HTTP/1.1 200")
    assert await asyncio.gather(*slow) == [(b"", False)] * 4, "closed before the head was complete"
    assert [await asyncio.wait_for(reader.read(), 5) for reader, _ in silent] == [b""] * 3
    for _, writer in silent:
        writer.close()


async def test_slow_body_is_408(port: int) -> None:
    """A problem document, after which the connection is closed."""
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(HEAD + b"{")
    answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    assert answer.startswith(b"HTTP/1.1 408") and b"application/problem+json" in answer
    writer.close()


async def test_connection_past_the_limit_is_503(port: int) -> None:
    """503 with Retry-After, at once; there is room again when a connection has closed."""
    connections = [await asyncio.open_connection(HOST, port) for _ in range(8)]
    for reader, writer in connections:
        writer.write(LIVE)
        assert (await reader.read(2000)).startswith(b"HTTP/1.1 200")
    answer = await ask(port)
    assert (
        answer.startswith(b"HTTP/1.1 503") and b"Retry-After" in answer and b"/problems/overloaded" in answer
    )
    connections[0][1].close()
    await connections[0][1].wait_closed()
    for _ in range(100):
        if (await ask(port)).startswith(b"HTTP/1.1 200"):
            break
        await asyncio.sleep(0.02)
    else:
        raise AssertionError("there is no room again")
    for _, writer in connections:
        writer.close()


class One:
    """A connection that records whether it was aborted."""

    def __init__(self) -> None:
        self.timers = ConnectionTimers(0.0)
        self.aborted = False

    def abort(self) -> None:
        self.aborted = True


def test_closed_connection_is_not_counted() -> None:
    """It makes room for another, and is not aborted again."""

    some, one, two = Connections(1, AddressLimit(SETTINGS, 1)), One(), One()
    some.admit(one, None)
    with pytest.raises(Overloaded):
        some.admit(two, None)
    some.remove(one)
    some.admit(two, None)
    some.close_expired(1_000.0)
    assert two.aborted and not one.aborted


def test_idle_connections_make_room_in_a_crowd() -> None:
    """Thousands of connections with a request a minute would be all that a process has."""

    some, busy, idle = Connections(3, AddressLimit(SETTINGS, 1)), One(), One()
    some.admit(busy, None)
    some.admit(idle, None)
    for one in (busy, idle):
        one.timers.data_received(0.0)
        one.timers.request_started()
    idle.timers.request_finished(0.0)
    now = connection_limits.CROWDED_IDLE_TIMEOUT_SECONDS + 0.1
    some.close_expired(now)
    assert not idle.aborted, "there is room"
    some.admit(third := One(), None)
    some.close_expired(now)
    assert idle.aborted and not busy.aborted and not third.aborted
