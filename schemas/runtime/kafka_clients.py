"""The only place that constructs Kafka clients, so that timeouts, durability and security are decided once.

Each function returns a client that is not started. `options` are those of the aiokafka class, for what one caller needs.
"""

from collections.abc import Callable
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


def make_consumer(
    connection: KafkaConnection,
    *topics: str,
    isolation_level: str = "read_committed",
    auto_offset_reset: str = "earliest",
    request_timeout_ms: int = REQUEST_TIMEOUT_MS,
    **options: Any,
) -> AIOKafkaConsumer:
    """Return a consumer that reads committed records and commits no offset by itself.

    Without a `group_id` it reads every partition of `topics`.
    """
    return AIOKafkaConsumer(
        *topics,
        **_connect(connection),
        isolation_level=isolation_level,
        enable_auto_commit=False,
        auto_offset_reset=auto_offset_reset,
        request_timeout_ms=request_timeout_ms,
        **options,
    )


def make_producer(
    connection: KafkaConnection,
    *,
    enable_idempotence: bool = True,
    request_timeout_ms: int = REQUEST_TIMEOUT_MS,
    partitioner: Callable[[Any, Any, Any], int] = partition,
    **options: Any,
) -> AIOKafkaProducer:
    """Return a producer whose records are written once, acknowledged by all replicas, and partitioned by our rule."""
    return AIOKafkaProducer(
        **_connect(connection),
        enable_idempotence=enable_idempotence,
        acks="all",
        linger_ms=0,
        request_timeout_ms=request_timeout_ms,
        partitioner=partitioner,
        **options,
    )


def make_transactional_producer(
    connection: KafkaConnection,
    transactional_id: str,
    *,
    request_timeout_ms: int = REQUEST_TIMEOUT_MS,
    **options: Any,
) -> AIOKafkaProducer:
    """Return a producer of transactions; its start fences any older producer with the same `transactional_id`."""
    return AIOKafkaProducer(
        **_connect(connection),
        transactional_id=transactional_id,
        acks="all",
        linger_ms=0,
        request_timeout_ms=request_timeout_ms,
        partitioner=partition,
        **options,
    )


def make_admin_client(connection: KafkaConnection, **options: Any) -> AIOKafkaAdminClient:
    """Return a client for topics, consumer groups and the cluster itself."""
    return AIOKafkaAdminClient(**_connect(connection), request_timeout_ms=ADMIN_REQUEST_TIMEOUT_MS, **options)


def _connect(connection: KafkaConnection) -> dict[str, Any]:
    """Return the arguments that open a connection; security settings join them here."""
    return {"bootstrap_servers": connection.bootstrap_servers}
