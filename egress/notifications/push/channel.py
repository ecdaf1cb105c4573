"""The push channel: one attempt at the push service of a browser."""

import base64
import hashlib
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from egress.notifications.channel import Channel, GoneError
from egress.notifications.push.encryption import ENCODING, encrypt
from egress.notifications.push.vapid import VapidSigner
from egress.resilience.errors import PermanentError, TransientError, is_retryable
from egress.safe_http.client import SafeHttpClient, origin
from egress.safe_http.domains import registered_domain
from schemas.notifications import PushDelivery, PushSubscription
from schemas.topics import PUSH_DELIVERIES

#: Statuses of an ended subscription.
GONE_STATUSES = frozenset({404, 410})
#: The domains of the push services of nearly all browsers. A browser may have any other service, also one of its owner.
KNOWN_SERVICES = frozenset({"apple.com", "googleapis.com", "mozilla.com", "windows.com"})


class PushChannel(Channel[PushDelivery]):
    """Encrypts, signs and posts each delivery; removes subscriptions that have ended.

    Args:
        subscription: returns the current subscription of an order id and subscription's id, or None.
        unsubscribe: removes a subscription whose push service answered 404 or 410.
    """

    name = "push"
    topic = PUSH_DELIVERIES.name
    message_class = PushDelivery
    known_sites = KNOWN_SERVICES
    max_concurrency = 64  # few push services serve nearly all browsers

    def __init__(
        self,
        client: SafeHttpClient,
        signer: VapidSigner,
        subscription: Callable[[str, str], PushSubscription | None],
        unsubscribe: Callable[[PushSubscription], Awaitable[None]],
        retry_seconds: float,
    ) -> None:
        self._client = client
        self._signer = signer
        self._subscription = subscription
        self._unsubscribe = unsubscribe
        self.retry_seconds = retry_seconds

    def recipient(self, delivery: PushDelivery) -> str:
        """Return the origin of the push service; empty if the browser has unsubscribed."""
        endpoint = self._endpoint(delivery)
        return origin(endpoint) if endpoint else ""

    def site(self, delivery: PushDelivery) -> str:
        """Return the domain of the push service: anybody may subscribe any number of names in a domain of theirs."""
        return registered_domain(urlsplit(self._endpoint(delivery)).hostname or "") or self.recipient(
            delivery
        )

    async def send(self, delivery: PushDelivery, attempt: int) -> None:
        subscription = self._subscription(delivery.order_id, delivery.browser())
        if subscription is None or subscription.endpoint is None:
            raise GoneError(f"the browser has unsubscribed from {delivery.order_id}")
        service = origin(subscription.endpoint)
        headers = {
            "Authorization": self._signer.authorization(service),
            "Content-Encoding": ENCODING,
            "Content-Type": "application/octet-stream",
            "TTL": str(int(self.retry_seconds)),
            "Topic": replacement_topic(delivery.order_id),
            "Urgency": "high",
        }
        body = encrypt(subscription, delivery.body.encode())
        result = await self._client.post(subscription.endpoint, body, headers)
        if 200 <= result.status < 300:
            return
        answer = f"{service} answered {result.status}"
        if result.status in GONE_STATUSES:
            await self._unsubscribe(subscription)
            raise GoneError(f"{answer}: subscription to {delivery.order_id} has ended", result.status)
        if is_retryable(result.status):
            raise TransientError(answer, result.status, result.retry_after)
        raise PermanentError(answer, result.status)

    def _endpoint(self, delivery: PushDelivery) -> str:
        subscription = self._subscription(delivery.order_id, delivery.browser())
        return "" if subscription is None else subscription.endpoint or ""


def replacement_topic(order_id: str) -> str:
    """Return the Topic header of an order: at most 32 characters of base64url (RFC 8030, section 5.4).

    A message that waits at the push service is replaced by the next one with the same topic.
    """
    return base64.urlsafe_b64encode(hashlib.blake2b(order_id.encode(), digest_size=18).digest()).decode()
