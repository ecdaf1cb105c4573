"""The same servers from Docker (PROMO_TEST_DOCKER=1)."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from testcontainers.core.container import DockerContainer

from compose import ports, redis_server
from compose.kafka import readiness

START_SECONDS = 120.0


@contextmanager
def kafka_container() -> Iterator[str]:
    """Yield the bootstrap servers of a broker; the port is chosen first, since the broker must name it."""
    port = ports.any_free()
    container = DockerContainer("apache/kafka:4.1.1").with_bind_ports(19092, port)
    for name, value in {
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        # PLAINTEXT is for the broker itself, which writes the markers of transactions: our port leads nowhere in the container
        "KAFKA_LISTENERS": "PLAINTEXT://:9092,OUTSIDE://:19092,CONTROLLER://:9093",
        "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://localhost:9092,OUTSIDE://127.0.0.1:{port}",
        "KAFKA_INTER_BROKER_LISTENER_NAME": "PLAINTEXT",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,OUTSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@127.0.0.1:9093",
        "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
        "KAFKA_GROUP_MIN_SESSION_TIMEOUT_MS": "1000",
        "KAFKA_TRANSACTION_ABORT_TIMED_OUT_TRANSACTION_CLEANUP_INTERVAL_MS": "1000",
    }.items():
        container = container.with_env(name, value)
    with container:
        bootstrap = f"127.0.0.1:{port}"
        _wait(lambda: readiness.is_up(bootstrap))
        yield bootstrap


@contextmanager
def redis_container() -> Iterator[str]:
    """Yield the URL of a Redis server."""
    port = ports.any_free()
    with DockerContainer("redis:7").with_bind_ports(6379, port):
        url = f"redis://127.0.0.1:{port}/0"
        _wait(lambda: redis_server.is_up(url))
        yield url


def _wait(answers: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not answers():
        if time.monotonic() > deadline:
            raise TimeoutError("the container did not answer")
        time.sleep(0.1)
