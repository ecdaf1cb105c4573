"""One stack for all end-to-end tests; each test opens its own restaurants."""

from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest

from tests.e2e.customers import Kitchen
from tests.e2e.stack import Stack

#: How long cached menus are served while Redis is down: shorter than by default.
STALE_READS_SECONDS = 4


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    started = Stack(
        tmp_path_factory.mktemp("stack"),
        ingress_processes=2,
        stale_if_error_seconds=STALE_READS_SECONDS,
        verification_resend_seconds=0,  # the tests do not wait between two codes
        webhook_allow_private=1,  # the endpoints of the tests are on this machine
    )
    yield started
    started.compose("down")


@pytest.fixture
async def kitchen(stack: Stack) -> AsyncIterator[Kitchen]:
    connector = aiohttp.TCPConnector(limit=400)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(30)) as session:
        yield Kitchen(session, stack.url)
