"""Taking connections: those who come at once are let in soon, though libuv takes one of a socket in a turn."""

import asyncio
import contextlib
import socket

import pytest
import uvloop

from ingress import listening
from ingress.app import make_app
from ingress.asking import Asking
from ingress.connections import Connection, Connections
from ingress.health import Health
from schemas.settings import Settings
from tests.ingress.conftest import HOST
from tests.ingress.fakes import FakeLog, FakeViews, QuietFeeds
from tests.privacy.keyrings import whole_keyring

CUSTOMERS = 200


@pytest.fixture
def let_in(monkeypatch: pytest.MonkeyPatch) -> list[Connection]:
    """Return those who were let in so far."""
    seen: list[Connection] = []
    admit = Connections.admit

    def counting(self: Connections, connection: Connection) -> bool:
        seen.append(connection)
        return admit(self, connection)

    monkeypatch.setattr(Connections, "admit", counting)
    return seen


def test_a_crowd_is_let_in_within_a_few_turns_of_the_loop(let_in: list[Connection]) -> None:
    """At ten milliseconds a turn, as under load, and one customer a turn, the last would wait for two seconds."""
    assert uvloop.run(turns(let_in)) < CUSTOMERS / 4


def test_one_socket_would_let_in_one_a_turn(
    let_in: list[Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the number of sockets is for: where this no longer holds, one is enough."""
    monkeypatch.setattr(listening, "LISTENERS", 1)
    assert uvloop.run(turns(let_in)) >= CUSTOMERS


async def turns(let_in: list[Connection]) -> int:
    """Return how many turns of the loop it takes to let in a crowd that comes at once."""
    log, views = FakeLog(), FakeViews()
    log.asking = Asking(log, reply_partition=3, most=9)
    health = Health({"views": views.ping})
    app = make_app(Settings(token_secret="secret"), log.asking, views, health, whole_keyring(), QuietFeeds())
    with contextlib.ExitStack() as crowd:
        async with listening.listening(app, HOST, 0, patience=1) as port:
            for _ in range(CUSTOMERS):
                customer = crowd.enter_context(socket.socket())
                customer.setblocking(False)
                customer.connect_ex((HOST, port))
            for turn in range(4 * CUSTOMERS):
                if len(let_in) == CUSTOMERS:
                    return turn
                await asyncio.sleep(0)
    raise AssertionError(f"{len(let_in)} of {CUSTOMERS} were let in")
