"""The simulated messaging provider, and ingress's client of it."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestClient, TestServer

from compose.messaging.app import MAX_MESSAGES, MessagingBehaviour, faults, make_app
from ingress.customers.messenger import HttpMessenger
from ingress.http.problems import Unavailable
from schemas.settings import Settings

PHONE = "+5581999990000"


@pytest.fixture
async def provider() -> AsyncIterator[TestClient]:  # type: ignore[type-arg]
    async with TestClient(TestServer(make_app(MessagingBehaviour()))) as client:
        yield client


async def messages(provider: TestClient) -> list[str]:  # type: ignore[type-arg]
    """Return the texts of the last messages."""
    return [one["text"] for one in (await (await provider.get("/messages")).json())["messages"]]


async def test_a_message_is_sent_once_for_its_id(provider: TestClient) -> None:  # type: ignore[type-arg]
    """A retry whose first answer was lost sends nothing more."""
    async with ClientSession() as session:
        messenger = HttpMessenger(session, str(provider.make_url("/")), 2.0)
        for message_id in ("a", "a", "b"):
            await messenger.send(PHONE, message_id, message_id)
    assert await messages(provider) == ["a", "b"]


@pytest.mark.parametrize("behaviour", [{"error": 1}, {"hang": 1}])
async def test_provider_that_fails_is_unavailable(provider: TestClient, behaviour: dict[str, int]) -> None:  # type: ignore[type-arg]
    """Whether it answers 500 or nothing; and so is one that is not there."""
    await provider.put("/behaviour", json=behaviour)
    async with ClientSession() as session:
        for url in (str(provider.make_url("/")), "http://127.0.0.1:1"):
            with pytest.raises(Unavailable):
                await HttpMessenger(session, url, 0.2).send(PHONE, "text", "id")
    assert not await messages(provider)


async def test_it_keeps_the_newest_messages(provider: TestClient) -> None:  # type: ignore[type-arg]
    """Bounded, however many are sent."""
    for number in range(MAX_MESSAGES + 5):
        await provider.post("/messages", json={"to": PHONE, "text": str(number)})
    kept = await messages(provider)
    assert (len(kept), kept[-1]) == (MAX_MESSAGES, str(MAX_MESSAGES + 4))


@pytest.mark.parametrize("body", [{}, {"to": "x", "text": "a"}, {"to": PHONE, "text": ""}, []])
async def test_bad_message_is_400(provider: TestClient, body: object) -> None:  # type: ignore[type-arg]
    """And so is a behaviour that it does not know, which a setting may not name either."""
    assert (await provider.post("/messages", json=body)).status == 400
    assert (await provider.put("/behaviour", json={"error": 2})).status == 400
    assert [*faults(Settings(messaging_behaviour='{"x":1}'))] and not [*faults(Settings())]
