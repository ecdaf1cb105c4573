"""Markers by layer, and the servers that tests share.

A server is given in the environment, else comes from Docker when PROMO_TEST_DOCKER=1, else is embedded.
"""

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.stack import start_kafka, start_redis

TESTS = Path(__file__).parent


def _docker() -> bool:
    return os.environ.get("PROMO_TEST_DOCKER") == "1"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test by the folder of its layer (tests/README.md)."""
    for item in items:
        layer = item.path.relative_to(TESTS).parts[0]
        item.add_marker(layer)


@pytest.fixture(autouse=True, scope="module")
def collected_garbage(request: pytest.FixtureRequest) -> Iterator[None]:
    """Collect what a module with servers leaves behind, before the next one begins.

    Up to Python 3.11.7, a finalizer that logs a traceback while `ast.parse` runs (Hypothesis calls it) makes that raise SystemError.
    """
    yield
    if request.path.relative_to(TESTS).parts[0] != "unit":
        gc.collect()


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Bootstrap servers of a Kafka that the whole session shares: make topics of your own."""
    if given := os.environ.get("PROMO_TEST_KAFKA"):
        yield given
    elif _docker():
        from tests.support.containers import kafka_container

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
        from tests.support.containers import redis_container

        with redis_container() as url:
            yield url
    else:
        server = start_redis(tmp_path_factory.mktemp("redis"))
        yield server.url
        server.stop()
