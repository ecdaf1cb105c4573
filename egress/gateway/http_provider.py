"""The payment provider over HTTP."""

from typing import Literal

import aiohttp
import msgspec
from msgspec import Struct

from egress.gateway.provider import FailedError, RefusedError, Verdict
from schemas.payments import PaymentRequest
from schemas.telemetry import tracing

#: Most bytes of an answer that are looked at, and that an error quotes.
MAX_ANSWER_BYTES = 64 * 1024
QUOTED_BYTES = 200
#: Statuses below 500 that say nothing about the request: too slow, too many.
TRY_AGAIN = frozenset({408, 425, 429})


class Authorisation(Struct, frozen=True):
    """The provider's answer to POST /authorisations."""

    status: Literal["authorised", "declined"]
    duplicate: bool = False


class Refund(Struct, frozen=True):
    """The provider's answer to POST /refunds."""

    status: Literal["refunded", "nothing_to_refund"]
    duplicate: bool = False


_authorisation = msgspec.json.Decoder(Authorisation)
_refund = msgspec.json.Decoder(Refund)


class HttpProvider:
    """Asks the provider at one address."""

    def __init__(self, session: aiohttp.ClientSession, url: str, timeout_seconds: float) -> None:
        """Take the client, the provider's address, and how long one call may take."""
        self._session = session
        self._url = url.rstrip("/")
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)

    async def ask(self, request: PaymentRequest, traceparent: bytes) -> Verdict:
        """Ask once; raises FailedError, RefusedError."""
        authorises = request.kind == "authorise"
        path = "/authorisations" if authorises else "/refunds"
        body: dict[str, object] = {"order_id": request.order_id}
        if authorises:
            body |= {"amount": request.amount, "method": request.method}
        with tracing.span(f"POST {path}", traceparent, "client", order_id=request.order_id) as span:
            headers = {
                "Idempotency-Key": request.order_id,
                "traceparent": span.traceparent.decode("ascii", "replace"),
            }
            answer = await self._post(path, body, headers)
        return _verdict(_authorisation if authorises else _refund, answer)

    async def _post(self, path: str, body: object, headers: dict[str, str]) -> bytes:
        try:
            async with self._session.post(
                self._url + path,
                data=msgspec.json.encode(body),
                headers={"Content-Type": "application/json", **headers},
                timeout=self._timeout,
                allow_redirects=False,
            ) as response:
                answer = await response.content.read(MAX_ANSWER_BYTES)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise FailedError(f"{type(error).__name__}: {error}") from error
        if response.status == 200:
            return answer
        said = f"{response.status}: {answer[:QUOTED_BYTES].decode(errors='replace')}"
        if response.status >= 500 or response.status in TRY_AGAIN:
            raise FailedError(said)
        raise RefusedError(said)


def _verdict(
    decoder: "msgspec.json.Decoder[Authorisation] | msgspec.json.Decoder[Refund]", answer: bytes
) -> Verdict:
    try:
        told = decoder.decode(answer)
    except msgspec.DecodeError as error:
        raise FailedError(f"an answer that cannot be read: {error}") from error
    return Verdict(told.status, told.duplicate)
