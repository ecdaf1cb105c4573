"""The push channel: one attempt at a browser's push service."""

import base64
import hashlib
from collections.abc import Awaitable, Callable

from egress.fact_log import Record
from egress.notifying.channel import Channel, FailedError, GoneError, RefusedError
from egress.notifying.reading import read
from egress.push.encryption import ENCODING, encrypt
from egress.push.vapid import Signer
from egress.ssrf.client import Client, Reply, origin
from schemas.notifications import PushDelivery, PushSubscription
from schemas.topics import PUSH_DELIVERIES

#: Answers that say that nobody is there any more, and those after which trying again may help.
GONE = frozenset({404, 410})
TRY_AGAIN = frozenset({408, 425, 429})


class Pushes(Channel[PushDelivery]):
    """Encrypts, signs and posts; a browser that is gone is not told again."""

    name = "push"
    topic = PUSH_DELIVERIES.name
    at_once = 64  # one service has the browsers of nearly everybody

    def __init__(
        self,
        client: Client,
        signer: Signer,
        browser: Callable[[str, str], PushSubscription | None],
        forget: Callable[[PushSubscription], Awaitable[None]],
        retry_seconds: float,
    ) -> None:
        """Take who posts and signs, who is subscribed now, and who forgets those that are gone."""
        self._client = client
        self._signer = signer
        self._browser = browser
        self._forget = forget
        self.retry_seconds = retry_seconds

    def read(self, record: Record) -> PushDelivery:
        """Return the delivery that the record holds; raises UnreadableError."""
        return read(PushDelivery, record)

    def recipient(self, delivery: PushDelivery) -> str:
        """Return the push service."""
        return origin(delivery.endpoint)

    async def send(self, delivery: PushDelivery, attempt: int) -> None:
        """Try once; raises FailedError, GoneError, RefusedError."""
        browser = self._browser(delivery.order_id, delivery.endpoint)
        if browser is None:
            raise GoneError(f"nobody there wants to be told of {delivery.order_id} any more")
        service = origin(delivery.endpoint)
        headers = {
            "Authorization": self._signer.authorization(service),
            "Content-Encoding": ENCODING,
            "Content-Type": "application/octet-stream",
            "TTL": str(int(self.retry_seconds)),
            "Topic": topic(delivery.order_id),
            "Urgency": "high",
        }
        reply = await self._client.post(delivery.endpoint, encrypt(browser, delivery.body.encode()), headers)
        if reply.status in GONE:
            await self._forget(browser)
            raise GoneError(f"{service} answered {reply.status}: the browser of {delivery.order_id} is gone")
        _require_success(service, reply)


def topic(order_id: str) -> str:
    """Return the Topic of an order: a message that waits at the service is replaced by the next one.

    At most 32 characters of base64url.
    """
    return base64.urlsafe_b64encode(hashlib.blake2b(order_id.encode(), digest_size=18).digest()).decode()


def _require_success(service: str, reply: Reply) -> None:
    if 200 <= reply.status < 300:
        return
    said = f"{service} answered {reply.status}"
    if reply.status >= 500 or reply.status in TRY_AGAIN:
        raise FailedError(said, reply.status, reply.retry_after)
    raise RefusedError(said)
