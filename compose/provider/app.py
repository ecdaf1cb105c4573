"""The provider's HTTP: authorisations, refunds, the ledger, and its behaviour."""

import asyncio
import random
import secrets
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec
from aiohttp import web
from msgspec import Struct
from opentelemetry.trace import SpanKind

from compose.provider.behaviour import Behaviour
from compose.provider.ledger import AmountMismatchError, Ledger, UnknownReferenceError
from schemas.money import Money
from schemas.runtime.secret_file import SecretFile
from schemas.telemetry import tracing

T = TypeVar("T")

BEHAVIOUR_PATH = "/behaviour"
#: Entries of one page of the ledger, of some 300 bytes each.
MAX_PAGE_ENTRIES = 1000

#: How often a request that hangs checks that its client is still connected.
DISCONNECT_POLL_INTERVAL_SECONDS = 0.2


class AuthorisationRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of POST /authorisations; `order_id` is for people who read the ledger."""

    payment_id: str
    order_id: str
    amount: Money
    method: str


class RefundRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of POST /refunds; `reference` is that of the authorisation to return, null if none is known."""

    payment_id: str
    order_id: str
    reference: str | None = None


class SimulatedProvider:
    """The handlers."""

    def __init__(self, ledger: Ledger, behaviour: Behaviour, token: SecretFile) -> None:
        self._ledger = ledger
        self._behaviour = behaviour
        self._token = token

    async def authorise(self, request: web.Request) -> web.StreamResponse:
        """POST /authorisations: one authorisation for each payment id; a repeat gets the same answer."""
        body = await _read(request, AuthorisationRequest)
        if request.headers.get("Idempotency-Key") != body.payment_id:
            raise _fault(400, "the header Idempotency-Key must be the payment's id")

        def act() -> dict[str, Any]:
            decline = random.random() < self._behaviour.decline
            try:
                entry = self._ledger.authorise(
                    body.payment_id, body.order_id, body.amount, body.method, decline=decline
                )
            except AmountMismatchError:
                raise _fault(422, "the payment has an authorisation with another amount") from None
            return {"status": entry.kind, "reference": entry.reference}

        return await self._perform(request, act)

    async def refund(self, request: web.Request) -> web.StreamResponse:
        """POST /refunds: refund the authorisation that the body names, once.

        Without a name, refund what was authorised; if nothing was, prevent a later authorisation.
        """
        body = await _read(request, RefundRequest)

        def act() -> dict[str, Any]:
            try:
                entry = self._ledger.refund(body.payment_id, body.order_id, body.reference)
            except UnknownReferenceError:
                raise _fault(422, "the payment has no authorisation with this reference") from None
            if entry.kind == "voided":
                return {"status": "nothing_to_refund"}
            return {"status": "refunded", "amount": entry.amount}

        return await self._perform(request, act)

    async def ledger(self, request: web.Request) -> web.Response:
        """GET /ledger: a page of entries in order, from an instant or from the `next` of the page before; null: the last."""
        since, after = request.query.get("since", ""), request.query.get("after", "")
        start = int(after) if after.isdecimal() else self._ledger.first_since(since)
        page = self._ledger.entries[start : start + MAX_PAGE_ENTRIES]
        end = start + len(page)
        return _json({"entries": page, "next": str(end) if end < len(self._ledger.entries) else None})

    async def behaviour(self, request: web.Request) -> web.Response:
        """GET /behaviour."""
        return _json(self._behaviour)

    async def set_behaviour(self, request: web.Request) -> web.Response:
        """PUT /behaviour: a field that is left out becomes 0."""
        self._behaviour = await _read(request, Behaviour)
        return _json(self._behaviour)

    @web.middleware
    async def admit(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Reject callers without our token, if we have one, and everyone while the behaviour says so."""
        if request.path == BEHAVIOUR_PATH:  # of the tests, not of a provider's API
            return await handler(request)
        if status := self._behaviour.reject_status:
            raise _fault(status, "a simulated rejection")
        expected = f"Bearer {token}".encode() if (token := self._token.current()) else b""
        given = request.headers.get("Authorization", "").encode(errors="replace")
        if expected and not secrets.compare_digest(given, expected):
            raise _fault(401, "the bearer token is not ours")
        return await handler(request)

    async def _perform(self, request: web.Request, act: Callable[[], dict[str, Any]]) -> web.StreamResponse:
        """Act and answer, with the delays and failures of the behaviour."""
        behaviour = self._behaviour
        await asyncio.sleep(behaviour.delay_seconds(random.random()))
        fate = behaviour.fate(random.random)
        answer = act() if fate in ("answered", "error-after", "hang-after") else {}
        if fate.startswith("hang"):
            while request.transport is not None and not request.transport.is_closing():
                await asyncio.sleep(DISCONNECT_POLL_INTERVAL_SECONDS)
        if fate != "answered":
            raise _fault(500, "a simulated failure")
        if random.random() < behaviour.duplicate_callbacks:
            answer["duplicate"] = True
        return _json(answer)


def make_app(ledger: Ledger, behaviour: Behaviour, token: SecretFile) -> web.Application:
    """Return the application over this ledger, for callers with this token."""
    provider = SimulatedProvider(ledger, behaviour, token)
    app = web.Application(middlewares=[_traced, provider.admit])
    app.add_routes(
        [
            web.post("/authorisations", provider.authorise),
            web.post("/refunds", provider.refund),
            web.get("/ledger", provider.ledger),
            web.get(BEHAVIOUR_PATH, provider.behaviour),
            web.put(BEHAVIOUR_PATH, provider.set_behaviour),
        ]
    )
    return app


@web.middleware
async def _traced(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Record a span for a caller that sends a trace context."""
    given = request.headers.get("traceparent", "").encode("ascii", "replace")
    with tracing.span(f"{request.method} {request.path}", given, SpanKind.SERVER):
        return await handler(request)


async def _read(request: web.Request, cls: type[T]) -> T:
    try:
        return msgspec.json.decode(await request.read(), type=cls)
    except msgspec.DecodeError as error:
        raise _fault(400, str(error)) from None


def _json(body: object) -> web.Response:
    return web.Response(body=msgspec.json.encode(body), content_type="application/json")


def _fault(status: int, text: str) -> web.HTTPException:
    body = msgspec.json.encode({"error": text})
    kinds: dict[int, type[web.HTTPException]] = {
        400: web.HTTPBadRequest,
        401: web.HTTPUnauthorized,
        403: web.HTTPForbidden,
        404: web.HTTPNotFound,
        422: web.HTTPUnprocessableEntity,
        500: web.HTTPInternalServerError,
    }
    return kinds[status](body=body, content_type="application/json")
