"""Where deliveries are written before they are carried out."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from schemas.notifications import PushDelivery, PushSubscription, WebhookDelivery

Message = WebhookDelivery | PushDelivery | PushSubscription


class Letter(NamedTuple):
    """A message for a topic, under an id that is the same whenever the same fact is told to the same recipient."""

    topic: str
    event_id: str
    message: Message
    traceparent: bytes


class Outbox(Protocol):
    """Writes letters, each under its restaurant."""

    async def send(self, letters: Sequence[Letter]) -> None:
        """Write all of them, in their order; they are durable when this returns. Raises KafkaError."""
