"""The registry of topics: name, what it holds, key, partitions, retention, the single writer."""

from msgspec import Struct

from schemas.facts import (
    CatalogChanged,
    OrderCancelled,
    OrderConfirmed,
    OrderCreated,
    OrderFailed,
    OrderStatusChanged,
    PaymentRefunded,
    PortionsMoved,
    StockReleased,
    StockReserved,
)

DAY_MS = 86_400_000


#: A record that is replaced is removed by the next run of the cleaner, once a later record has begun a new segment.
PURGED = {
    "segment.ms": "100",
    "min.cleanable.dirty.ratio": "0",
    "max.compaction.lag.ms": "1000",
    "delete.retention.ms": "0",
    "file.delete.delay.ms": "1000",
}


class Topic(Struct, frozen=True):
    """One topic. `partitions` names the setting that counts them."""

    name: str
    holds: str
    writer: str
    partitions: str = "partitions"
    retention_ms: int = 14 * DAY_MS  # -1: kept for ever
    compacted: bool = False
    broker_time: bool = False  # the broker's clock stamps the records (README, decision 4)
    max_message_bytes: int = 0  # 0: the broker's own limit
    purged: bool = (
        False  # compacted, and what is replaced is off the disk within seconds (README, decision 13)
    )

    def configs(self) -> dict[str, str]:
        """Return the topic's settings on the broker."""
        configs = {"retention.ms": str(self.retention_ms)}
        if self.compacted:
            configs = {"cleanup.policy": "compact", "delete.retention.ms": str(DAY_MS)}
        if self.purged:
            configs |= PURGED
        if self.broker_time:
            configs["message.timestamp.type"] = "LogAppendTime"
        if self.max_message_bytes:
            configs["max.message.bytes"] = str(self.max_message_bytes)
        return configs


ORDER_COMMANDS = Topic("order.commands", "what was asked", "ingress, egress, the clock", broker_time=True)
ORDER_CREATED = Topic("order.created", "an order came into being", "streams", retention_ms=-1)
STOCK_RESERVED = Topic("stock.reserved", "portions were reserved", "streams", retention_ms=-1)
ORDER_CONFIRMED = Topic("order.confirmed", "the restaurant has the order", "streams", retention_ms=-1)
ORDER_FAILED = Topic("order.failed", "an order was refused", "streams", retention_ms=-1)
CATALOG_CHANGED = Topic(
    "catalog.changed", "a restaurant, item or promotion changed", "streams", retention_ms=-1
)
STOCK_RELEASED = Topic("stock.released", "portions are free again, or wasted", "streams", retention_ms=-1)
ORDER_STATUS_CHANGED = Topic(
    "order.status-changed", "the restaurant moved an order on", "streams", retention_ms=-1
)
ORDER_CANCELLED = Topic("order.cancelled", "a confirmed order was cancelled", "streams", retention_ms=-1)
PAYMENT_REFUNDED = Topic("payment.refunded", "money went back", "streams", retention_ms=-1)
PORTIONS_MOVED = Topic(
    "portions.moved", "portions went from one bucket of a restaurant to another", "streams", retention_ms=-1
)
PAYMENT_REQUESTS = Topic("payment.requests", "what the gateway is to do", "streams")
BUCKET_COMMANDS = Topic(
    "bucket.commands", "commands from one bucket of a restaurant to another, on their way", "streams"
)
WEBHOOK_DELIVERIES = Topic(
    "webhook.deliveries", "what restaurants' own systems are to be told", "egress", retention_ms=3 * DAY_MS
)
PUSH_SUBSCRIPTIONS = Topic(
    "push.subscriptions",
    "who wants to be told of an order",
    "ingress; egress, of those who are gone",
    retention_ms=2 * DAY_MS,
    broker_time=True,
)
PUSH_DELIVERIES = Topic("push.deliveries", "what browsers are to be told", "egress", retention_ms=DAY_MS)
ORDER_REPLIES = Topic(
    "order.replies",
    "answers, by the asking process's partition",
    "streams",
    partitions="reply_partitions",
    retention_ms=3_600_000,
)
WATERMARKS = Topic("view.watermarks", "until when all is decided", "streams", retention_ms=3_600_000)
STATE_CHANGELOG = Topic(
    "order.state-changelog", "the tables of streams, and the position", "streams", compacted=True
)
#: 8 MiB hold what some 9,000 forgotten orders leave of one of the 256 trees.
PRIVACY_KEYRING = Topic(
    "privacy.keyring",
    "the trees that orders' keys are derived from, wrapped",
    "ingress",
    partitions="keyring_partitions",
    compacted=True,
    broker_time=True,
    max_message_bytes=8 * 2**20,
    purged=True,
)

FACT_TOPICS: dict[type, Topic] = {
    OrderCreated: ORDER_CREATED,
    StockReserved: STOCK_RESERVED,
    StockReleased: STOCK_RELEASED,
    OrderConfirmed: ORDER_CONFIRMED,
    OrderFailed: ORDER_FAILED,
    OrderStatusChanged: ORDER_STATUS_CHANGED,
    OrderCancelled: ORDER_CANCELLED,
    PaymentRefunded: PAYMENT_REFUNDED,
    CatalogChanged: CATALOG_CHANGED,
    PortionsMoved: PORTIONS_MOVED,
}

#: Topics whose readers set aside what they cannot read or do.
_WITH_DEAD_LETTERS = (
    ORDER_COMMANDS,
    *FACT_TOPICS.values(),
    PAYMENT_REQUESTS,
    WEBHOOK_DELIVERIES,
    PUSH_SUBSCRIPTIONS,
    PUSH_DELIVERIES,
)


#: A dead letter is as long as the record that it was, which may be 1 MiB, and its headers come on top.
_DEAD_LETTER_BYTES = 2 * 2**20


def dead_letters(topic: Topic) -> Topic:
    """Return the topic that holds what could not be processed of this one."""
    writer = "streams" if topic is ORDER_COMMANDS else "egress"
    return Topic(
        f"{topic.name}.dlq",
        f"of {topic.name}, what could not be processed",
        writer,
        retention_ms=-1,
        max_message_bytes=_DEAD_LETTER_BYTES,
    )


DEAD_LETTER_TOPICS: dict[str, Topic] = {t.name: dead_letters(t) for t in _WITH_DEAD_LETTERS}

TOPICS: tuple[Topic, ...] = (
    ORDER_COMMANDS,
    *FACT_TOPICS.values(),
    *DEAD_LETTER_TOPICS.values(),
    PAYMENT_REQUESTS,
    BUCKET_COMMANDS,
    WEBHOOK_DELIVERIES,
    PUSH_SUBSCRIPTIONS,
    PUSH_DELIVERIES,
    ORDER_REPLIES,
    WATERMARKS,
    STATE_CHANGELOG,
    PRIVACY_KEYRING,
)

#: What could not be processed.
