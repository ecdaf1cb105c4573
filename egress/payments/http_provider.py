"""The payment provider over HTTP."""

import aiohttp
import msgspec
from opentelemetry.trace import SpanKind

from egress.payments.provider import PaymentOutcome, PaymentProvider, ProviderStatus
from egress.resilience.errors import PermanentError, TransientError, is_retryable
from schemas.payments import PaymentRequest
from schemas.telemetry import tracing

#: Bytes of an answer that are read, and that an error quotes.
MAX_ANSWER_BYTES = 64 * 1024
MAX_QUOTED_BYTES = 200

#: What the provider may answer to each kind of request.
STATUSES: dict[str, tuple[ProviderStatus, ...]] = {
    "authorise": ("authorised", "declined"),
    "refund": ("refunded", "nothing_to_refund"),
}

_decode = msgspec.json.Decoder(PaymentOutcome).decode


class HttpProvider(PaymentProvider):
    """The provider at one URL."""

    def __init__(self, session: aiohttp.ClientSession, url: str, timeout_seconds: float) -> None:
        self._session = session
        self._url = url.rstrip("/")
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)

    async def perform(self, request: PaymentRequest, traceparent: bytes) -> PaymentOutcome:
        path = "/refunds"
        payment_id = request.payment_id or request.order_id
        body: dict[str, object] = {"payment_id": payment_id, "order_id": request.order_id}
        if request.kind == "authorise":
            path = "/authorisations"
            body |= {"amount": request.amount, "method": request.method}
        elif request.reference:
            body["reference"] = request.reference
        with tracing.span(f"POST {path}", traceparent, SpanKind.CLIENT, {"order_id": request.order_id}):
            headers = {
                "Idempotency-Key": payment_id,
                "traceparent": (tracing.current_traceparent() or traceparent).decode("ascii", "replace"),
            }
            answer = await self._post(path, body, headers)
        try:
            outcome = _decode(answer)
        except msgspec.DecodeError as error:
            raise TransientError(f"an answer that cannot be read: {error}") from error
        if outcome.status not in STATUSES[request.kind]:
            raise TransientError(f"an answer that cannot be read: {outcome.status} for {request.kind}")
        if outcome.status == "authorised" and not outcome.reference:
            raise TransientError("an answer that cannot be read: an authorisation without a reference")
        return outcome

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
            raise TransientError(f"{type(error).__name__}: {error}") from error
        if response.status == 200:
            return answer
        message = f"{response.status}: {answer[:MAX_QUOTED_BYTES].decode(errors='replace')}"
        if is_retryable(response.status):
            raise TransientError(message, response.status)
        raise PermanentError(message)
