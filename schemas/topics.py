"""The registry of topics: name, contents, writer, readers, key, partitions, retention (README.md has the table)."""

from msgspec import Struct

from schemas import facts

DAY_MS = 86_400_000
HOUR_MS = 3_600_000

#: A superseded record disappears within seconds, at the next run of the cleaner after a segment roll.
_PURGE_CONFIGS = {
    "segment.ms": "100",
    "min.cleanable.dirty.ratio": "0",
    "max.compaction.lag.ms": "1000",
    "delete.retention.ms": "0",
    "file.delete.delay.ms": "1000",
}

#: Copies of each partition in a cluster with as many brokers, and the copies that must have a record before it is
#: acknowledged. The broker's default of one would acknowledge orders that a single disk has.
REPLICAS, MIN_IN_SYNC_REPLICAS = 3, 2

#: Bytes of one batch of records that a broker takes (`message.max.bytes`), where the topic has no limit of its own.
BROKER_MESSAGE_BYTES = 1_048_588

#: Beside the retention: the records that a later one of the same key replaced disappear within a minute.
_ERASABLE_CONFIGS = _PURGE_CONFIGS | {"cleanup.policy": "compact,delete", "segment.ms": "10000"}


class Topic(Struct, frozen=True):
    """One topic. `partitions` names the setting that counts them, `readers` those outside of consumer groups."""

    name: str
    contents: str
    writer: str
    readers: str = ""
    key: str = "restaurant id"
    partitions: str = "partitions"
    retention_ms: int = 14 * DAY_MS  # -1: indefinitely
    is_compacted: bool = False
    has_broker_time: bool = False  # the broker's clock stamps the records (DECISIONS.md, time-is-an-input)
    max_message_bytes: int = BROKER_MESSAGE_BYTES
    kept: str = ""  # in words, where a process deletes the records; empty: Kafka does, by the retention
    is_purged: bool = False  # compacted, and superseded records disappear (DECISIONS.md, seal-personal-data)
    is_erasable: bool = False  # personal data in the clear: kept for `retention_ms`, or until it is replaced
    expires: bool = False  # what a browser sent: no longer than `retention_ms`

    def configs(self, replicas: int = 1) -> dict[str, str]:
        """Return the topic's configuration on the broker, also what a broker may have as its own default."""
        configs = {
            "cleanup.policy": "delete",
            "retention.ms": str(self.retention_ms),
            "retention.bytes": "-1",
            "max.message.bytes": str(self.max_message_bytes),
            "min.insync.replicas": str(MIN_IN_SYNC_REPLICAS if replicas >= REPLICAS else 1),
        }
        if self.is_compacted:
            del configs["retention.ms"], configs["retention.bytes"]
            configs |= {"cleanup.policy": "compact", "delete.retention.ms": str(DAY_MS)}
        if self.is_purged:
            configs |= _PURGE_CONFIGS
        if self.is_erasable:
            configs |= _ERASABLE_CONFIGS
        if self.has_broker_time:
            configs["message.timestamp.type"] = "LogAppendTime"
        return configs


def _fact_topic(name: str, contents: str, readers: str = "`promo export`") -> Topic:
    return Topic(name, contents, "streams", readers, retention_ms=-1)


ORDER_COMMANDS = Topic(
    "order.commands",
    "commands",
    "ingress, egress, streams (ticks)",
    key="restaurant or bucket id",
    has_broker_time=True,
)
ORDER_CREATED = _fact_topic("order.created", "orders that were created")
STOCK_RESERVED = _fact_topic("stock.reserved", "portions that were reserved")
ORDER_CONFIRMED = _fact_topic("order.confirmed", "orders that were confirmed")
ORDER_FAILED = _fact_topic("order.failed", "orders that failed before they were confirmed")
CATALOG_CHANGED = _fact_topic(
    "catalog.changed",
    "restaurants, items and promotions that changed",
    "`promo export`, egress (webhook URLs)",
)
STOCK_RELEASED = _fact_topic("stock.released", "portions that were released or wasted")
ORDER_STATUS_CHANGED = _fact_topic(
    "order.status-changed", "confirmed orders whose status the restaurant changed"
)
ORDER_CANCELLED = _fact_topic("order.cancelled", "confirmed orders that were cancelled")
PAYMENT_REFUNDED = _fact_topic("payment.refunded", "payments that were refunded")
PORTIONS_MOVED = _fact_topic("portions.moved", "portions that moved between buckets of a restaurant")
PAYMENT_REQUESTS = Topic(
    "payment.requests",
    "payments to authorise or refund",
    "streams",
    key="restaurant or bucket id",
    retention_ms=-1,  # a refund is owed for however long the provider is away
    kept="14 d, and until its payment is done; egress deletes it",
)
BUCKET_COMMANDS = Topic(
    "bucket.commands", "commands in flight between buckets of a restaurant", "streams", key="bucket id"
)
WEBHOOK_DELIVERIES = Topic("webhook.deliveries", "webhooks to send", "egress", retention_ms=3 * DAY_MS)
PUSH_SUBSCRIPTIONS = Topic(
    "push.subscriptions",
    "subscriptions to pushes about an order",
    "ingress, egress (expired ones)",
    "egress (browsers)",
    key="restaurant, order and browser",
    retention_ms=2 * DAY_MS,
    has_broker_time=True,
    is_erasable=True,
    expires=True,
)
PUSH_DELIVERIES = Topic("push.deliveries", "pushes to send", "egress", retention_ms=DAY_MS)
ORDER_REPLIES = Topic(
    "order.replies",
    "replies to commands, each in the partition of its reader",
    "streams",
    "ingress",
    key="that of the command",
    partitions="reply_partitions",
    retention_ms=HOUR_MS,
)
WATERMARKS = Topic(
    "view.watermarks",
    "times before which every command is decided",
    "streams",
    key="partition",
    retention_ms=HOUR_MS,
)
STATE_CHANGELOG = Topic(
    "order.state-changelog",
    "tables and position of streams",
    "streams",
    "streams (recovery, standbys)",
    key="table and its key",
    is_compacted=True,
)
CLOCK_ACCEPTANCES = Topic(
    "clock.acceptances",
    "leaps of the commands' time that operators have accepted",
    "`promo clock accept`",
    "streams",
    key="none",
)
#: A tree is split when it has grown past 256 KiB; earlier releases wrote trees of up to 8 MiB.
PRIVACY_KEYRING = Topic(
    "privacy.keyring",
    "encrypted trees from which the keys of orders and customers are derived, keys of months",
    "ingress",
    "ingress",
    key="tree or month",
    partitions="keyring_partitions",
    is_compacted=True,
    has_broker_time=True,
    max_message_bytes=8 * 2**20,
    is_purged=True,
)
ACCESS_TOKENS = Topic(
    "access.tokens",
    "tokens that operators have issued or revoked, never a token itself",
    "`promo tokens`",
    "ingress",
    key="owner and token id",
    partitions="access_partitions",
    is_compacted=True,
)

FACT_TOPICS: dict[type, Topic] = {
    facts.OrderCreated: ORDER_CREATED,
    facts.StockReserved: STOCK_RESERVED,
    facts.StockReleased: STOCK_RELEASED,
    facts.OrderConfirmed: ORDER_CONFIRMED,
    facts.OrderFailed: ORDER_FAILED,
    facts.OrderStatusChanged: ORDER_STATUS_CHANGED,
    facts.OrderCancelled: ORDER_CANCELLED,
    facts.PaymentRefunded: PAYMENT_REFUNDED,
    facts.CatalogChanged: CATALOG_CHANGED,
    facts.PortionsMoved: PORTIONS_MOVED,
}

#: Topics whose readers write a dead letter for a record that they cannot process.
_WITH_DEAD_LETTERS = (
    ORDER_COMMANDS,
    *FACT_TOPICS.values(),
    PAYMENT_REQUESTS,
    WEBHOOK_DELIVERIES,
    PUSH_SUBSCRIPTIONS,
    PUSH_DELIVERIES,
)

#: A dead letter has the record of up to 1 MiB, and more headers.
_DEAD_LETTER_BYTES = 2 * 2**20


def _dead_letter_topic(topic: Topic) -> Topic:
    return Topic(
        f"{topic.name}.dlq",
        f"records of {topic.name} that could not be processed",
        "streams" if topic is ORDER_COMMANDS else "egress",
        "`egress dlq`, egress (depth)",
        key="that of the record",
        # what a browser sent is erased with the topic that it was sent to
        retention_ms=topic.retention_ms if topic.expires else -1,
        expires=topic.expires,
        max_message_bytes=_DEAD_LETTER_BYTES,
    )


#: By the name of the topic whose records they keep.
DEAD_LETTER_TOPICS: dict[str, Topic] = {t.name: _dead_letter_topic(t) for t in _WITH_DEAD_LETTERS}

#: What a batch has beside its records.
_BATCH_HEADER_BYTES = 61

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
    CLOCK_ACCEPTANCES,
    PRIVACY_KEYRING,
    ACCESS_TOKENS,
)

_MESSAGE_BYTES = {topic.name: topic.max_message_bytes for topic in TOPICS}


def max_record_bytes(name: str) -> int:
    """Return the bytes of one record that the topic with this name takes."""
    return _MESSAGE_BYTES[name] - _BATCH_HEADER_BYTES
