"""600 endpoints that accept and stay silent, or whose name server does, hold up no message to one that answers."""

import asyncio
import base64
import contextlib
import os
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Any

import pytest

from compose import ports
from egress.notifications.channel import Channel
from egress.notifications.delivery_worker import DeliveryWorker
from egress.notifications.push.channel import PushChannel
from egress.notifications.push.vapid import VapidSigner
from egress.notifications.webhooks.channel import WebhookChannel
from egress.safe_http.client import SafeHttpClient, open_client
from egress.safe_http.resolver import PublicResolver
from schemas.notifications import PushDelivery, PushSubscription, subscription_id
from schemas.runtime import open_files
from tests.support.egress.fake_consumer import FakeConsumer
from tests.support.egress.fake_dead_letters import FakeDeadLetters
from tests.support.egress.running import running
from tests.support.notifications.endpoints import Endpoint
from tests.support.notifications.fakes import InMemoryAttemptLog, InMemoryDeliveryStates
from tests.support.notifications.messages import Browser, record, webhook_delivery
from tests.support.waiting import eventually

#: Endpoints that accept a connection and send nothing, and names whose lookup does not end.
SILENT, UNRESOLVED = 500, 100
#: Far beyond what the test waits: no attempt at them ends.
TOTAL_TIMEOUT_SECONDS = 600.0
KEY = base64.urlsafe_b64encode(os.urandom(32)).rstrip(b"=").decode()


class SilentServer:
    """Accepts connections, and sends nothing."""

    def __init__(self) -> None:
        self.connections = 0
        self.port = ports.any_free()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(ConnectionError):
            await reader.read()
        writer.close()

    @property
    def names(self) -> list[str]:
        """The host names of the endpoints; each belongs to another owner."""
        silent = [f"push.silent-{n}.example" for n in range(SILENT)]
        return silent + [f"push.unresolved-{n}.example" for n in range(UNRESOLVED)]


@pytest.fixture
async def silent() -> AsyncIterator[SilentServer]:
    open_files.raise_limit(4 * (SILENT + UNRESOLVED))
    server = SilentServer()
    async with await asyncio.start_server(server.accept, ports.LOOPBACK, server.port, backlog=SILENT):
        yield server


@pytest.fixture
def resolver() -> Iterator[partial[PublicResolver]]:
    """Makes resolvers to which every name is this machine, if its name server answers."""
    answers = threading.Event()

    def lookup(host: str, port: int, **more: Any) -> list[Any]:
        if "unresolved" in host:
            answers.wait(60)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ports.LOOPBACK, port))]

    yield partial(PublicResolver, lookup, allow_private=True)
    answers.set()


class DeliveryHarness:
    """A worker with both channels, a client for each, and the endpoints of restaurants and browsers."""

    def __init__(self, webhooks: SafeHttpClient, pushes: SafeHttpClient) -> None:
        self.consumer = FakeConsumer()
        self.attempts = InMemoryAttemptLog()
        self._urls: dict[str, str] = {}
        self._subscriptions: dict[str, PushSubscription] = {}
        self._browser = Browser("")
        signer = VapidSigner(KEY, "mailto:ops@promo.example")
        channels: list[Channel[Any]] = [
            WebhookChannel(
                webhooks, self.attempts, self._urls.get, "token-secret", lambda restaurant: 1, 3_600
            ),
            PushChannel(
                pushes, signer, lambda order, _: self._subscriptions.get(order), self._unsubscribe, 3_600
            ),
        ]
        self.worker = DeliveryWorker(
            self.consumer, self._catch_up, InMemoryDeliveryStates(), FakeDeadLetters(), channels
        )

    def append_webhook(self, restaurant: str, url: str) -> None:
        self._urls[restaurant] = url
        self._append(webhook_delivery(f"o-{restaurant}", restaurant))

    def append_push(self, order: str, url: str) -> None:
        self._subscriptions[order] = PushSubscription("r1", order, "subscribe", url, **self._browser.keys)
        self._append(PushDelivery("r1", order, f"id-of-{order}", "{}", subscription_id(order, url)))

    def _append(self, delivery: Any) -> None:
        self.consumer.append_record(record(delivery, event_id=delivery.order_id, at=int(time.time() * 1_000)))

    async def _catch_up(self) -> None:
        pass

    async def _unsubscribe(self, subscription: PushSubscription) -> None:
        pass


@pytest.fixture
async def harness(resolver: partial[PublicResolver]) -> AsyncIterator[DeliveryHarness]:
    async with (
        open_client(True, resolver(), TOTAL_TIMEOUT_SECONDS) as webhooks,
        open_client(True, resolver(), TOTAL_TIMEOUT_SECONDS) as pushes,
    ):
        yield DeliveryHarness(webhooks, pushes)


@pytest.mark.parametrize("good", ["webhook", "push"])
@pytest.mark.parametrize("bad", ["webhook", "push"])
async def test_silent_endpoints_hold_up_no_other(
    harness: DeliveryHarness, silent: SilentServer, endpoint: Endpoint, bad: str, good: str
) -> None:
    """Of the same channel or of the other; also if the endpoint that answers was never tried before."""
    append = {"webhook": harness.append_webhook, "push": harness.append_push}
    for n, name in enumerate(silent.names):
        append[bad](f"silent-{n}", f"http://{name}:{silent.port}/")
    async with running(harness.worker.run()):
        await eventually(lambda: silent.connections >= SILENT, 60)
        append[good]("good", endpoint.url.replace(ports.LOOPBACK, "push.good.example") + "/hook")
        await eventually(lambda: bool(endpoint.messages), 20)
    assert [message.path for message in endpoint.messages] == ["/hook"]
