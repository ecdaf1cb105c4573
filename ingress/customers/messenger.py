"""The messaging channel: a text to a phone, by the HTTP of a provider."""

from typing import Protocol

import aiohttp
import msgspec

from ingress.customers.circuit import Circuit
from ingress.http.problems import Unavailable


class Messenger(Protocol):
    """Sends texts to phones."""

    def require_available(self) -> None:
        """Raise Unavailable if a message would not be sent now."""

    async def send(self, phone: str, text: str, message_id: str) -> None:
        """Send a text once for each id; raises Unavailable if it is not known to have been accepted."""


class HttpMessenger(Messenger):
    """The provider at one URL: POST /messages."""

    def __init__(self, session: aiohttp.ClientSession, url: str, timeout_seconds: float) -> None:
        self._session = session
        self._url = url.rstrip("/") + "/messages"
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        self._circuit = Circuit("messaging")

    def require_available(self) -> None:
        self._circuit.require_closed()

    async def send(self, phone: str, text: str, message_id: str) -> None:
        body = msgspec.json.encode({"to": phone, "text": text})
        await self._circuit.call(lambda: self._post(body, message_id))

    async def _post(self, body: bytes, message_id: str) -> None:
        headers = {"Content-Type": "application/json", "Idempotency-Key": message_id}
        try:
            async with self._session.post(
                self._url, data=body, headers=headers, timeout=self._timeout, allow_redirects=False
            ) as response:
                is_accepted = response.status in (200, 201, 202)
        except (aiohttp.ClientError, OSError, TimeoutError):
            raise Unavailable() from None  # the error would name the phone
        if not is_accepted:
            raise Unavailable()
