"""The messaging provider's HTTP: what is sent, what was sent last, and its behaviour."""

import asyncio
import random
from collections import OrderedDict
from collections.abc import Iterator
from typing import Annotated

import msgspec
from aiohttp import web
from msgspec import Meta, Struct

from schemas import timestamps
from schemas.settings import Settings

#: Messages that are kept, the newest ones, and the longest text of one in characters.
MAX_MESSAGES, MAX_TEXT = 1_000, 1_000
#: How long a request that hangs is kept, in seconds: longer than any client waits.
HANG_SECONDS = 60.0

FailureShare = Annotated[float, Meta(ge=0, le=1)]


class MessagingBehaviour(Struct, frozen=True, forbid_unknown_fields=True):
    """A delay in milliseconds, and shares of the requests, from 0 to 1; what fails is not sent."""

    delay_ms: Annotated[float, Meta(ge=0, le=60_000)] = 0.0
    error: FailureShare = 0.0  # answered 500
    hang: FailureShare = 0.0  # not answered


class MessageRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of POST /messages."""

    to: Annotated[str, Meta(pattern=r"^\+[0-9]{8,15}$")]
    text: Annotated[str, Meta(min_length=1, max_length=MAX_TEXT)]


class TextMessage(Struct, frozen=True):
    """A message that was sent."""

    to: str
    text: str
    at: str


class SimulatedMessaging:
    """The handlers."""

    def __init__(self, behaviour: MessagingBehaviour) -> None:
        self._behaviour = behaviour
        self._messages: OrderedDict[str, TextMessage] = OrderedDict()  # by idempotency key

    async def send(self, request: web.Request) -> web.Response:
        """POST /messages: send a text, once for each `Idempotency-Key`."""
        key = request.headers.get("Idempotency-Key", "")
        try:
            body = msgspec.json.decode(await request.read(), type=MessageRequest)
        except msgspec.DecodeError as error:
            return _json({"error": str(error)}, 400)
        behaviour, draw = self._behaviour, random.random()
        await asyncio.sleep(behaviour.delay_ms / 1000)
        if draw < behaviour.hang:
            await asyncio.sleep(HANG_SECONDS)
        if draw < behaviour.hang + behaviour.error:
            return _json({"error": "a simulated failure"}, 500)
        if not key or key not in self._messages:
            at = timestamps.to_text(timestamps.wall_clock())
            self._messages[key or f"{at}-{draw}"] = TextMessage(body.to, body.text, at)
            if len(self._messages) > MAX_MESSAGES:
                self._messages.popitem(last=False)
        return _json({"status": "sent"}, 202)

    async def messages(self, request: web.Request) -> web.Response:
        """GET /messages: the last ones, the newest last."""
        return _json({"messages": list(self._messages.values())})

    async def behaviour(self, request: web.Request) -> web.Response:
        """GET /behaviour."""
        return _json(self._behaviour)

    async def set_behaviour(self, request: web.Request) -> web.Response:
        """PUT /behaviour: a field that is left out becomes 0."""
        try:
            self._behaviour = msgspec.json.decode(await request.read(), type=MessagingBehaviour)
        except msgspec.DecodeError as error:
            return _json({"error": str(error)}, 400)
        return _json(self._behaviour)


def make_app(behaviour: MessagingBehaviour) -> web.Application:
    """Return the application, with no message sent."""
    messaging = SimulatedMessaging(behaviour)
    app = web.Application()
    app.add_routes(
        [
            web.post("/messages", messaging.send),
            web.get("/messages", messaging.messages),
            web.get("/behaviour", messaging.behaviour),
            web.put("/behaviour", messaging.set_behaviour),
        ]
    )
    return app


def initial(settings: Settings) -> MessagingBehaviour:
    """Return the behaviour that PROMO_MESSAGING_BEHAVIOUR names; raises msgspec.DecodeError."""
    return msgspec.json.decode(settings.messaging_behaviour or "{}", type=MessagingBehaviour)


def faults(settings: Settings) -> Iterator[str]:
    """Yield what is wrong with PROMO_MESSAGING_BEHAVIOUR, a check for `settings.read`."""
    try:
        initial(settings)
    except msgspec.DecodeError as error:
        yield f"PROMO_MESSAGING_BEHAVIOUR={settings.messaging_behaviour!r}: {error}"


def _json(body: object, status: int = 200) -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode(body), content_type="application/json")
