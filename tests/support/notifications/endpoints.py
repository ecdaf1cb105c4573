"""Real HTTP endpoints, as a restaurant and a push service have them, that check what they receive."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import http_ece
import msgspec
from aiohttp import web
from multidict import CIMultiDictProxy
from py_vapid import Vapid02, jwt
from standardwebhooks import Webhook

from compose import ports
from tests.support.notifications.messages import Browser

Responder = Callable[[int], web.Response]


class Message:
    """One request that was received."""

    def __init__(self, path: str, headers: CIMultiDictProxy[str], body: bytes) -> None:
        self.path = path
        self.headers = headers
        self.body = body

    def verified(self, secret: str) -> Any:
        """Return the body of a webhook after checking its signature; raises WebhookVerificationError."""
        return Webhook(secret).verify(self.body, dict(self.headers))

    def decrypted(self, browser: Browser) -> Any:
        """Return the body of a push, decrypted as the browser does."""
        assert self.headers["Content-Encoding"] == "aes128gcm"
        raw = http_ece.decrypt(self.body, private_key=browser.key, auth_secret=browser.secret)
        return msgspec.json.decode(raw)

    def claims(self) -> Any:
        """Return the VAPID claims after checking their signature, and the public key."""
        authorization = self.headers["Authorization"]
        assert Vapid02.verify(authorization)
        token, key = (part.partition("=")[2] for part in authorization.removeprefix("vapid ").split(","))
        return {**jwt.decode(token, key), "key": key}


class Endpoint:
    """Keeps requests, and answers request number 1, 2, ... by `answer`. While `gate` is clear, requests hang."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.answer: Responder = lambda number: web.Response(status=204)
        self.messages: list[Message] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def handle(self, request: web.Request) -> web.Response:
        self.messages.append(Message(request.path, request.headers, await request.read()))
        number = len(self.messages)
        await self.gate.wait()
        return self.answer(number)


@asynccontextmanager
async def serve_endpoint() -> AsyncIterator[Endpoint]:
    """Serve an endpoint on a free port of loopback."""
    port = ports.any_free()
    endpoint = Endpoint(f"http://{ports.LOOPBACK}:{port}")
    app = web.Application()
    app.router.add_post("/{path:.*}", endpoint.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, ports.LOOPBACK, port).start()
    try:
        yield endpoint
    finally:
        endpoint.gate.set()
        await runner.cleanup()
