"""The registry of consumer groups: name, topics, purpose. The names stand in metrics and in lag tools."""

from msgspec import Struct

from schemas import topics
from schemas.topics import Topic


class ConsumerGroup(Struct, frozen=True):
    """One consumer group: the topics that its members share, and what they do with the records."""

    name: str
    topics: tuple[str, ...]
    purpose: str


def _group(name: str, purpose: str, *read: Topic) -> ConsumerGroup:
    return ConsumerGroup(name, tuple(topic.name for topic in read), purpose)


DECISIONS = _group("promo-streams", "decides commands", topics.ORDER_COMMANDS)
PROJECTION = _group(
    "promo-egress", "projects facts into the views", *topics.FACT_TOPICS.values(), topics.WATERMARKS
)
PAYMENTS = _group("promo-payments", "calls the payment provider", topics.PAYMENT_REQUESTS)
BUCKET_RELAY = _group(
    "promo-relay", "copies commands between buckets to order.commands", topics.BUCKET_COMMANDS
)
NOTIFICATIONS = _group(
    "promo-notifications",
    "makes deliveries of facts",
    topics.ORDER_CONFIRMED,
    topics.ORDER_FAILED,
    topics.ORDER_STATUS_CHANGED,
    topics.ORDER_CANCELLED,
    topics.PAYMENT_REFUNDED,
)
DELIVERIES = _group(
    "promo-deliveries", "sends webhooks and pushes", topics.WEBHOOK_DELIVERIES, topics.PUSH_DELIVERIES
)

CONSUMER_GROUPS = (DECISIONS, PROJECTION, PAYMENTS, BUCKET_RELAY, NOTIFICATIONS, DELIVERIES)
