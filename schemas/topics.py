"""The registry of topics: name, what it holds, key, partitions, retention, the single writer."""

from msgspec import Struct

from schemas.facts import CatalogChanged, OrderConfirmed, OrderCreated, OrderFailed, StockReserved

DAY_MS = 86_400_000


class Topic(Struct, frozen=True):
    """One topic. `partitions` names the setting that counts them."""

    name: str
    holds: str
    writer: str
    partitions: str = "partitions"
    retention_ms: int = 14 * DAY_MS  # -1: kept for ever
    compacted: bool = False
    broker_time: bool = False  # the broker's clock stamps the records (README, decision 4)

    def configs(self) -> dict[str, str]:
        """Return the topic's settings on the broker."""
        configs = {"retention.ms": str(self.retention_ms)}
        if self.compacted:
            configs = {"cleanup.policy": "compact", "delete.retention.ms": str(DAY_MS)}
        if self.broker_time:
            configs["message.timestamp.type"] = "LogAppendTime"
        return configs


ORDER_COMMANDS = Topic("order.commands", "what was asked", "ingress, egress, the clock", broker_time=True)
ORDER_CREATED = Topic("order.created", "an order came into being", "streams", retention_ms=-1)
STOCK_RESERVED = Topic("stock.reserved", "portions were reserved", "streams", retention_ms=-1)
ORDER_CONFIRMED = Topic("order.confirmed", "the restaurant has the order", "streams", retention_ms=-1)
ORDER_FAILED = Topic("order.failed", "an order was refused", "streams", retention_ms=-1)
CATALOG_CHANGED = Topic(
    "catalog.changed", "a restaurant, item or promotion changed", "streams", retention_ms=-1
)
ORDER_COMMANDS_DLQ = Topic(
    "order.commands.dlq", "commands that could not be read", "streams", retention_ms=-1
)
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

FACT_TOPICS: dict[type, Topic] = {
    OrderCreated: ORDER_CREATED,
    StockReserved: STOCK_RESERVED,
    OrderConfirmed: ORDER_CONFIRMED,
    OrderFailed: ORDER_FAILED,
    CatalogChanged: CATALOG_CHANGED,
}

TOPICS: tuple[Topic, ...] = (
    ORDER_COMMANDS,
    *FACT_TOPICS.values(),
    ORDER_COMMANDS_DLQ,
    ORDER_REPLIES,
    WATERMARKS,
    STATE_CHANGELOG,
)

#: What could not be processed.
DEAD_LETTER_TOPICS: tuple[Topic, ...] = tuple(topic for topic in TOPICS if topic.name.endswith(".dlq"))
