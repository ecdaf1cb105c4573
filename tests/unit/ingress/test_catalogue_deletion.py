"""DELETE of restaurants, menu items and promotions, over HTTP."""

import asyncio

import pytest

from ingress.load_shedding.rate_limits import RateLimits, TokenBuckets
from schemas.commands import DeleteMenuItem, DeletePromotion, DeleteRestaurant
from schemas.replies import Answer, Reply
from schemas.settings import Settings
from tests.support.ingress.fakes import FakeProducer, FakeViews
from tests.unit.ingress.conftest import Client

RESTAURANT = "/v1/restaurants/r1"
ITEM = RESTAURANT + "/menu/coxinha"
PROMOTION = RESTAURANT + "/promotions/p1"
ADMIN = {"Authorization": "Bearer adm"}


@pytest.fixture(autouse=True)
def deleted(log: FakeProducer) -> None:
    """Every command deletes something."""
    log.decide = lambda command: Reply(Answer("deleted", version=7))


@pytest.mark.parametrize(
    ("path", "command"),
    [
        (RESTAURANT, DeleteRestaurant("r1", "admin:settings")),
        (ITEM, DeleteMenuItem("r1", "coxinha", "admin:settings")),
        (PROMOTION, DeletePromotion("r1", "p1", "admin:settings")),
    ],
)
async def test_deletion_is_204(client: Client, log: FakeProducer, path, command) -> None:
    """Without a body; the command says who has sent it."""
    response = await client.delete(path, headers=ADMIN)
    assert (response.status, await response.read()) == (204, b"")
    assert [(key, written) for key, written, _ in log.written] == [(b"r1", command)]


@pytest.mark.parametrize(
    ("path", "answer", "status", "slug"),
    [
        (RESTAURANT, Answer("unknown_restaurant"), 404, "unknown-restaurant"),
        (RESTAURANT, Answer("not_empty"), 409, "not-empty"),
        (RESTAURANT, Answer("open_orders"), 409, "open-orders"),
        (ITEM, Answer("unknown_restaurant"), 404, "unknown-restaurant"),
        (ITEM, Answer("unknown_item", skus=["coxinha"]), 404, "unknown-item"),
        (ITEM, Answer("has_buckets"), 409, "has-buckets"),
        (PROMOTION, Answer("unknown_promotion"), 404, "unknown-promotion"),
        (PROMOTION, Answer("undecidable"), 503, "unavailable"),
    ],
)
async def test_refused_deletion_is_a_problem(client, log: FakeProducer, path, answer, status, slug) -> None:
    """What does not exist, or no longer, is 404 with the problem that other requests give."""
    log.decide = lambda command: Reply(answer)
    response = await client.delete(path, headers=ADMIN)
    assert response.status == status and (await response.json())["type"].endswith(f"/{slug}")


async def test_deletion_in_flight_is_202(client: Client, log: FakeProducer) -> None:
    """It may be sent again."""
    log.decide = lambda command: None
    response = await client.delete(ITEM, headers=ADMIN)
    assert (response.status, await response.json()) == (202, {"status": "pending"})


async def test_deletion_waits_until_views_show_it(client: Client, views: FakeViews) -> None:
    """204 comes when they do, 202 if they do not within the wait."""
    views.shown_version = 6
    assert (await client.delete(ITEM, headers=ADMIN)).status == 202
    waiting = asyncio.ensure_future(client.delete(ITEM, headers=ADMIN))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    views.shown_version = 7
    assert (await waiting).status == 204


async def test_deletions_count_as_changes_of_a_catalogue(client: Client, monkeypatch) -> None:
    """A loop of them fills no topic."""
    limits = RateLimits(Settings())
    limits._catalogue_changes = TokenBuckets(rate=0.1, burst=2)
    limit = limits.consume_catalogue_change
    monkeypatch.setattr(RateLimits, "consume_catalogue_change", lambda self, restaurant: limit(restaurant))
    answers = [(await client.delete(path, headers=ADMIN)).status for path in (ITEM, PROMOTION, ITEM)]
    assert answers == [204, 204, 429]
