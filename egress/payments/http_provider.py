"""The payment provider over HTTP."""

import aiohttp
import msgspec
from opentelemetry.trace import SpanKind

from egress.payments.provider import PaymentOutcome, PaymentProvider, ProviderStatus
from egress.provider_client import ProviderClient
from egress.resilience.errors import TransientError
from schemas.payments import PaymentRequest
from schemas.runtime.secret_file import SecretFile
from schemas.telemetry import tracing

#: Bytes of an answer that are read.
MAX_ANSWER_BYTES = 64 * 1024

#: What the provider may answer to each kind of request.
STATUSES: dict[str, tuple[ProviderStatus, ...]] = {
    "authorise": ("authorised", "declined"),
    "refund": ("refunded", "nothing_to_refund"),
}

_decode = msgspec.json.Decoder(PaymentOutcome).decode


class HttpProvider(PaymentProvider):
    """The provider at one URL."""

    def __init__(
        self, session: aiohttp.ClientSession, url: str, token: SecretFile, timeout_seconds: float
    ) -> None:
        self._client = ProviderClient(session, url, token, timeout_seconds, MAX_ANSWER_BYTES)

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
            answer = await self._client.post(path, body, headers)
        try:
            outcome = _decode(answer)
        except msgspec.DecodeError as error:
            raise TransientError(f"an answer that cannot be read: {error}") from error
        if outcome.status not in STATUSES[request.kind]:
            raise TransientError(f"an answer that cannot be read: {outcome.status} for {request.kind}")
        if outcome.status == "authorised" and not outcome.reference:
            raise TransientError("an answer that cannot be read: an authorisation without a reference")
        return outcome
