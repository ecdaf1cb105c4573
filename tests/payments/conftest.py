"""One provider for all tests; each has orders of its own, and leaves it well behaved."""

from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest

from tests.payments.real_provider import Customer, RealProvider


@pytest.fixture(scope="session")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealProvider]:
    """A provider that runs."""
    started = RealProvider(tmp_path_factory.mktemp("provider"))
    yield started
    started.stop()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """A client."""
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def customer(provider: RealProvider, session: aiohttp.ClientSession) -> AsyncIterator[Customer]:
    """Somebody who talks to the provider directly."""
    customer = Customer(session, provider.url)
    await customer.behave()
    yield customer
    await customer.behave()
