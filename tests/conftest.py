"""Servers that tests share: given in the environment, else from Docker when asked, else embedded."""

import os
from collections.abc import Iterator

import pytest

from tests.stack import start_kafka, start_redis


def _docker() -> bool:
    return os.environ.get("PROMO_TEST_DOCKER") == "1"


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Bootstrap servers of a Kafka that the whole session shares: make topics of your own."""
    if given := os.environ.get("PROMO_TEST_KAFKA"):
        yield given
    elif _docker():
        from tests.containers import kafka_container

        with kafka_container() as bootstrap:
            yield bootstrap
    else:
        server = start_kafka(tmp_path_factory.mktemp("kafka"))
        yield server.bootstrap
        server.stop()


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a Redis that the whole session shares: use keys of your own."""
    if given := os.environ.get("PROMO_TEST_REDIS"):
        yield given
    elif _docker():
        from tests.containers import redis_container

        with redis_container() as url:
            yield url
    else:
        server = start_redis(tmp_path_factory.mktemp("redis"))
        yield server.url
        server.stop()
