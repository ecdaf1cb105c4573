"""The webhook channel: one attempt at the endpoint of a restaurant."""

from collections.abc import Callable

from egress.notifications.channel import Channel, GoneError
from egress.notifications.webhooks import signing
from egress.notifications.webhooks.attempt_log import Attempt, AttemptLog
from egress.resilience.errors import PermanentError, TransientError
from egress.safe_http.client import SafeHttpClient
from schemas.identity import webhook_secrets
from schemas.notifications import WebhookDelivery
from schemas.timestamps import EpochSeconds, epoch_clock
from schemas.topics import WEBHOOK_DELIVERIES

#: Status by which an endpoint asks for no more messages (Standard Webhooks).
GONE_STATUS = 410


class WebhookChannel(Channel[WebhookDelivery]):
    """Signs and posts each delivery. A 2xx is success, 410 disables the endpoint, any other status is retried.

    Args:
        url: returns the current webhook URL of a restaurant, or None.
        webhook_secret: the setting that webhook secrets are derived from.
        secret_version: returns the version of a restaurant's current secret.
        now: wall clock.
    """

    name = "webhook"
    topic = WEBHOOK_DELIVERIES.name
    message_class = WebhookDelivery
    max_concurrency = 4

    def __init__(
        self,
        client: SafeHttpClient,
        attempt_log: AttemptLog,
        url: Callable[[str], str | None],
        webhook_secret: str,
        secret_version: Callable[[str], int],
        retry_seconds: float,
        now: Callable[[], EpochSeconds] = epoch_clock,
    ) -> None:
        self._client = client
        self._attempt_log = attempt_log
        self._url = url
        self._webhook_secret = webhook_secret
        self._secret_version = secret_version
        self.retry_seconds = retry_seconds
        self._now = now

    def recipient(self, delivery: WebhookDelivery) -> str:
        """Return the restaurant id."""
        return delivery.restaurant_id

    async def send(self, delivery: WebhookDelivery, attempt: int) -> None:
        """Make one attempt and record it; raises TransientError, GoneError, PermanentError."""
        restaurant_id = delivery.restaurant_id
        url = self._url(restaurant_id)
        if url is None:
            raise GoneError(f"{restaurant_id} no longer has a webhook")
        if await self._attempt_log.is_disabled(restaurant_id, url):
            raise GoneError(f"the webhook of {restaurant_id} is disabled")
        failure: Exception | None = None
        started, status, result = self._now(), 0, "delivered"
        try:
            status = await self._post(url, delivery)
        except GoneError as error:
            status, result, failure = GONE_STATUS, "gone", error
            await self._attempt_log.disable(restaurant_id, url)
        except PermanentError as error:
            result, failure = "refused", error
        except TransientError as error:
            status, result, failure = error.status or 0, "failed", error
        await self._attempt_log.record(
            restaurant_id,
            Attempt(
                at=started,
                message_id=delivery.message_id,
                event=delivery.event,
                order_id=delivery.order_id,
                attempt=attempt,
                result=result,
                status=status,
                seconds=round(self._now() - started, 3),
                error=str(failure or ""),
            ),
        )
        if failure is not None:
            raise failure

    async def _post(self, url: str, delivery: WebhookDelivery) -> int:
        restaurant_id = delivery.restaurant_id
        secrets = webhook_secrets(self._webhook_secret, restaurant_id, self._secret_version(restaurant_id))
        headers = signing.headers(secrets, delivery.message_id, self._now(), delivery.body)
        result = await self._client.post(url, delivery.body.encode(), headers)
        if result.status == GONE_STATUS:
            raise GoneError(f"the webhook of {delivery.restaurant_id} answered 410", result.status)
        if not 200 <= result.status < 300:
            raise TransientError(f"answered {result.status}", result.status, result.retry_after)
        return result.status
