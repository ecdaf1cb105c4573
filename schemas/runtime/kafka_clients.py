"""The only place that constructs Kafka clients, so that timeouts, durability and security are decided once.

Each function returns a client that is not started. `options` are arguments of the aiokafka class; they override the
defaults.
"""

from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from schemas.kafka_connection import KafkaConnection
from schemas.runtime.partitioner import partition

#: How long a broker may take to answer one request, in milliseconds. It must exceed the wait of a fetch for data.
REQUEST_TIMEOUT_MS = 5_000
#: The same where no reconnect loop tries again: for a command that a person waits for.
CLI_REQUEST_TIMEOUT_MS = 10_000
#: The same for administration: a broker that has just started takes seconds to create all topics.
ADMIN_REQUEST_TIMEOUT_MS = 40_000


def make_consumer(connection: KafkaConnection, *topics: str, **options: Any) -> AIOKafkaConsumer:
    """Return a consumer that reads committed records, from the beginning, and commits no offset by itself.

    Without a `group_id` it reads every partition of `topics`.
    """
    defaults = {
        "isolation_level": "read_committed",
        "enable_auto_commit": False,
        "auto_offset_reset": "earliest",
        "request_timeout_ms": REQUEST_TIMEOUT_MS,
    }
    return AIOKafkaConsumer(*topics, **_connect(connection), **(defaults | options))


def make_producer(connection: KafkaConnection, **options: Any) -> AIOKafkaProducer:
    """Return a producer whose records are written once, acknowledged by all replicas, and partitioned by our rule.

    With a `transactional_id` it writes transactions, and its start fences any older producer with the same id.
    """
    defaults = {
        "enable_idempotence": True,
        "acks": "all",
        "linger_ms": 0,
        "request_timeout_ms": REQUEST_TIMEOUT_MS,
        "partitioner": partition,
    }
    return AIOKafkaProducer(**_connect(connection), **(defaults | options))


def make_admin_client(connection: KafkaConnection, **options: Any) -> AIOKafkaAdminClient:
    """Return a client for topics, consumer groups and the cluster itself."""
    defaults = {"request_timeout_ms": ADMIN_REQUEST_TIMEOUT_MS}
    return AIOKafkaAdminClient(**_connect(connection), **(defaults | options))


def _connect(connection: KafkaConnection) -> dict[str, Any]:
    """Return the arguments that open a connection; security settings join them here."""
    return {"bootstrap_servers": connection.bootstrap_servers}
