"""The payment provider over HTTP."""

from collections.abc import Callable

import aiohttp
import msgspec
from opentelemetry.trace import SpanKind

from egress.payments.provider import PaymentOutcome, PaymentProvider, ProviderStatus
from egress.resilience.errors import ACCESS_CAUSES, AccessError, PermanentError, TransientError, is_retryable
from schemas.payments import PaymentRequest
from schemas.runtime.secret_file import SecretFile
from schemas.telemetry import tracing

#: Bytes of an answer that are read, and characters that an error quotes.
MAX_ANSWER_BYTES = 64 * 1024
MAX_QUOTED_CHARACTERS = 200

#: What the provider may answer to each kind of request.
STATUSES: dict[str, tuple[ProviderStatus, ...]] = {
    "authorise": ("authorised", "declined"),
    "refund": ("refunded", "nothing_to_refund"),
}

_decode = msgspec.json.Decoder(PaymentOutcome).decode


class HttpProvider(PaymentProvider):
    """The provider at one URL; its bearer token may change while we run."""

    def __init__(
        self, session: aiohttp.ClientSession, url: str, token: SecretFile, timeout_seconds: float
    ) -> None:
        self._session = session
        self._token = token
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
        """Return the body of a 200, after a 401 with the token read again. Raises TransientError, PermanentError."""
        token = self._read_token(self._token.current)
        status, answer = await self._send(path, body, headers, token)
        if status == 401 and (newer := self._read_token(self._token.refresh)) != token:
            token = newer
            status, answer = await self._send(path, body, headers, token)
        if status == 200:
            return answer
        text = answer.decode(errors="replace")
        message = f"{status}: {(text.replace(token, '***') if token else text)[:MAX_QUOTED_CHARACTERS]}"
        if (cause := ACCESS_CAUSES.get(status)) is not None:
            raise AccessError(message, cause, status)
        if is_retryable(status):
            raise TransientError(message, status)
        raise PermanentError(message, status)

    @staticmethod
    def _read_token(read: Callable[[], str]) -> str:
        try:
            return read()
        except (OSError, ValueError) as error:
            raise AccessError(f"PROMO_PROVIDER_TOKEN_FILE: {error}", "credentials") from error

    async def _send(self, path: str, body: object, headers: dict[str, str], token: str) -> tuple[int, bytes]:
        authorization = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            async with self._session.post(
                self._url + path,
                data=msgspec.json.encode(body),
                headers={"Content-Type": "application/json", **authorization, **headers},
                timeout=self._timeout,
                allow_redirects=False,
            ) as response:
                return response.status, await response.content.read(MAX_ANSWER_BYTES)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise TransientError(f"{type(error).__name__}: {error}") from error
