"""The registry of consumer groups: name, topics, purpose. The names stand in metrics and in lag tools."""

from msgspec import Struct

from schemas.topics import (
    BUCKET_COMMANDS,
    FACT_TOPICS,
    ORDER_CANCELLED,
    ORDER_COMMANDS,
    ORDER_CONFIRMED,
    ORDER_FAILED,
    ORDER_STATUS_CHANGED,
    PAYMENT_REFUNDED,
    PAYMENT_REQUESTS,
    PUSH_DELIVERIES,
    WATERMARKS,
    WEBHOOK_DELIVERIES,
)


class ConsumerGroup(Struct, frozen=True):
    """One consumer group: the topics that its members share, and what they do with the records."""

    name: str
    topics: tuple[str, ...]
    purpose: str


DECISIONS = ConsumerGroup("promo-streams", (ORDER_COMMANDS.name,), "decides commands")
PROJECTION = ConsumerGroup(
    "promo-egress",
    (*(topic.name for topic in FACT_TOPICS.values()), WATERMARKS.name),
    "projects facts into the views",
)
PAYMENTS = ConsumerGroup("promo-payments", (PAYMENT_REQUESTS.name,), "calls the payment provider")
BUCKET_RELAY = ConsumerGroup(
    "promo-relay", (BUCKET_COMMANDS.name,), "copies commands between buckets to order.commands"
)
NOTIFICATIONS = ConsumerGroup(
    "promo-notifications",
    tuple(
        topic.name
        for topic in (
            ORDER_CONFIRMED,
            ORDER_FAILED,
            ORDER_STATUS_CHANGED,
            ORDER_CANCELLED,
            PAYMENT_REFUNDED,
        )
    ),
    "makes deliveries of facts",
)
DELIVERIES = ConsumerGroup(
    "promo-deliveries", (WEBHOOK_DELIVERIES.name, PUSH_DELIVERIES.name), "sends webhooks and pushes"
)

CONSUMER_GROUPS: tuple[ConsumerGroup, ...] = (
    DECISIONS,
    PROJECTION,
    PAYMENTS,
    BUCKET_RELAY,
    NOTIFICATIONS,
    DELIVERIES,
)
