"""One simulated provider for all tests: each uses orders of its own, and resets its behaviour."""

from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest

from tests.support.payments.real_provider import ProviderClient, RealProvider


@pytest.fixture(scope="session")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealProvider]:
    """A provider process."""
    started = RealProvider(tmp_path_factory.mktemp("provider"))
    yield started
    started.stop()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """A client."""
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def client(provider: RealProvider, session: aiohttp.ClientSession) -> AsyncIterator[ProviderClient]:
    """A client of the provider."""
    client = ProviderClient(session, provider.url)
    await client.behave()
    yield client
    await client.behave()
