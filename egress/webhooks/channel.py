"""The webhook channel: one attempt at a restaurant's own system."""

import time
from collections.abc import Callable

from egress.fact_log import Record
from egress.notifying.channel import Channel, FailedError, GoneError, RefusedError
from egress.notifying.reading import read
from egress.ssrf.client import Client
from egress.webhooks import signing
from egress.webhooks.ledger import Attempt, Ledger
from schemas.identity import webhook_secrets
from schemas.notifications import WebhookDelivery
from schemas.topics import WEBHOOK_DELIVERIES

#: The answer of an endpoint that wants no more messages.
GONE = 410


class Webhooks(Channel[WebhookDelivery]):
    """Signs and posts; whatever is no success is tried again, but for 410."""

    name = "webhook"
    topic = WEBHOOK_DELIVERIES.name
    at_once = 4

    def __init__(
        self,
        client: Client,
        ledger: Ledger,
        address: Callable[[str], str | None],
        token_secret: str,
        retry_seconds: float,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Take who posts, who keeps the attempts, and where a restaurant's system is now."""
        self._client = client
        self._ledger = ledger
        self._address = address
        self._token_secret = token_secret
        self.retry_seconds = retry_seconds
        self._now = now

    def read(self, record: Record) -> WebhookDelivery:
        """Return the delivery that the record holds; raises UnreadableError."""
        return read(WebhookDelivery, record)

    def recipient(self, delivery: WebhookDelivery) -> str:
        """Return the restaurant."""
        return delivery.restaurant_id

    async def send(self, delivery: WebhookDelivery, attempt: int) -> None:
        """Try once; raises FailedError, GoneError, RefusedError."""
        restaurant_id = delivery.restaurant_id
        url = self._address(restaurant_id)
        if url is None:
            raise GoneError(f"{restaurant_id} has no webhook any more")
        if await self._ledger.is_off(restaurant_id, url):
            raise GoneError(f"the webhook of {restaurant_id} is switched off")
        started = self._now()
        try:
            status = await self._post(url, delivery)
        except (FailedError, GoneError, RefusedError) as error:
            await self._note(delivery, attempt, started, error)
            if isinstance(error, GoneError):
                await self._ledger.switch_off(restaurant_id, url)
            raise
        await self._note(delivery, attempt, started, status)

    async def _post(self, url: str, delivery: WebhookDelivery) -> int:
        secrets = webhook_secrets(self._token_secret, delivery.restaurant_id)
        headers = signing.headers(secrets, delivery.message_id, self._now(), delivery.body)
        reply = await self._client.post(url, delivery.body.encode(), headers)
        if reply.status == GONE:
            raise GoneError(f"{delivery.restaurant_id} wants no more: it answered 410")
        if not 200 <= reply.status < 300:
            raise FailedError(f"answered {reply.status}", reply.status, reply.retry_after)
        return reply.status

    async def _note(
        self, delivery: WebhookDelivery, number: int, started: float, ended: int | Exception
    ) -> None:
        status, error = ended if isinstance(ended, int) else 0, ""
        if isinstance(ended, Exception):
            error = str(ended)
            status = GONE if isinstance(ended, GoneError) else getattr(ended, "status", None) or 0
        await self._ledger.note(
            delivery.restaurant_id,
            Attempt(
                at=started,
                message_id=delivery.message_id,
                event=delivery.event,
                order_id=delivery.order_id,
                attempt=number,
                result=_result(ended),
                status=status,
                seconds=round(self._now() - started, 3),
                error=error,
            ),
        )


def _result(ended: int | Exception) -> str:
    match ended:
        case GoneError():
            return "gone"
        case RefusedError():
            return "refused"
        case FailedError():
            return "failed"
        case _:
            return "delivered"
