"""The application over fakes, and a server for it on loopback."""

import contextlib
from collections.abc import AsyncIterator
from functools import partial

from aiohttp import web

from ingress.app import connection_factory, make_app
from ingress.commands.client import CommandClient
from ingress.customers.partner_tokens import PartnerTokens
from ingress.customers.verifications import Verifications
from ingress.handlers import app_keys
from ingress.handlers.health import Health
from ingress.http.issued_tokens import IssuedTokens
from ingress.privacy.customer_ids import phone_customer_id
from ingress.privacy.keyring import Keyring
from ingress.server.connection_limits import limited_connections
from ingress.server.listener import listen
from schemas.settings import Settings
from tests.support.ingress.fakes import FakeProducer, FakeViews, QuietFeeds
from tests.support.ingress.phones import FakeCodes, FakeMessenger
from tests.support.privacy.keyrings import complete_keyring

HOST = "127.0.0.1"


def application(
    settings: Settings,
    log: FakeProducer | None = None,
    views: FakeViews | None = None,
    keyring: Keyring | None = None,
    commands: CommandClient | None = None,
    issued: IssuedTokens | None = None,
    verifications: Verifications | None = None,
    partner_tokens: PartnerTokens | None = None,
) -> web.Application:
    """Return an application; by default its log confirms every order, its views are empty, its keyring forgot nothing."""
    log, views = log or FakeProducer(), views or FakeViews()
    commands = commands or CommandClient(
        log, reply_partition=3, max_in_flight=settings.max_in_flight_commands
    )
    log.commands = commands

    async def is_reachable() -> bool:
        return not log.down

    health = Health({"commands": is_reachable, "views": views.ping})
    keyring, issued = keyring or complete_keyring(), issued or IssuedTokens()
    verifications = verifications or Verifications(
        settings, FakeCodes(), FakeMessenger(), partial(phone_customer_id, keyring)
    )
    partner_tokens = partner_tokens or PartnerTokens([], {})
    return make_app(
        settings,
        commands,
        views,
        views,
        health,
        keyring,
        QuietFeeds(),
        issued,
        verifications,
        partner_tokens,
    )


@contextlib.asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[int]:
    """Serve the application as its settings say, and yield the port."""
    connections = limited_connections(app[app_keys.SETTINGS])
    async with listen(app, connection_factory(app), HOST, 0, 0.1, connections) as port:
        yield port
