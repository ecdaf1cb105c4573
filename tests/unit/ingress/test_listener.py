"""Accepting connections: a crowd is accepted soon, though libuv accepts one of each socket in a turn."""

import asyncio
import contextlib
import socket

import pytest
import uvloop

from ingress.server import listener
from ingress.server.connection_limits import Connection, Connections
from schemas.settings import Settings
from tests.support.ingress.apps import HOST, application, serving

CUSTOMERS = 200


@pytest.fixture
def admitted(monkeypatch: pytest.MonkeyPatch) -> list[Connection]:
    """The connections that were admitted so far."""
    seen: list[Connection] = []
    admit = Connections.admit

    def record(self: Connections, connection: Connection, remote: str | None) -> None:
        seen.append(connection)
        admit(self, connection, remote)

    monkeypatch.setattr(Connections, "admit", record)
    return seen


def test_crowd_is_accepted_in_a_few_turns(admitted: list[Connection]) -> None:
    """At ten milliseconds a turn, as under load, and one customer a turn, the last would wait for two seconds."""
    assert uvloop.run(turns(admitted)) < CUSTOMERS / 4


def test_one_socket_accepts_one_a_turn(admitted: list[Connection], monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason for the number of sockets: where this no longer holds, one is enough."""
    monkeypatch.setattr(listener, "LISTENING_SOCKETS", 1)
    assert uvloop.run(turns(admitted)) >= CUSTOMERS


async def turns(admitted: list[Connection]) -> int:
    """Return how many turns of the loop it takes to admit a crowd that connects at once."""
    app = application(Settings(token_secret="secret"))
    with contextlib.ExitStack() as crowd:
        async with serving(app) as port:
            for _ in range(CUSTOMERS):
                customer = crowd.enter_context(socket.socket())
                customer.setblocking(False)
                customer.connect_ex((HOST, port))
            for turn in range(4 * CUSTOMERS):
                if len(admitted) == CUSTOMERS:
                    return turn
                await asyncio.sleep(0)
    raise AssertionError(f"{len(admitted)} of {CUSTOMERS} were admitted")
