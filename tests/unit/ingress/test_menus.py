"""GET of menus and restaurants, over HTTP."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import ClientResponse

from ingress.views.ports import RestaurantsView
from schemas.catalogue import Promotion, Restaurant
from schemas.commands import PromotionItem
from schemas.money import Money
from schemas.timestamps import to_text
from tests.support.ingress.fakes import FakeViews
from tests.support.ingress.samples import item, menu, stock
from tests.unit.ingress.conftest import Client

MENU = "/v1/restaurants/r1/menu"


async def until_page(client: Client, condition: Callable[[Any], bool]) -> ClientResponse:
    """Return the response whose page first meets the condition: views are polled ten times a second."""
    async with asyncio.timeout(10):
        while not condition(await (response := await client.get(MENU)).json()):
            await asyncio.sleep(0.01)
    return response


@pytest.fixture(autouse=True)
def shown(views: FakeViews) -> None:
    """A restaurant with two items, current now."""
    now = time.time_ns() // 1_000_000
    views.show("r1", menu([item("coxinha", 990), item("agua", 300)], as_of=now))
    views.all = RestaurantsView([Restaurant("r1", "Bar", 10, 1800, 1)], {})


@pytest.mark.parametrize("path", [MENU, "/catalogo?restaurant_id=r1"])
async def test_menu_page(client: Client, path: str) -> None:
    """Contract: 200 page with `ETag`, `Cache-Control`; `GET /catalogo` is the same."""
    response = await client.get(path)
    assert (
        response.status == 200
        and response.headers["ETag"]
        and "s-maxage=1" in response.headers["Cache-Control"]
    )
    page = await response.json()
    assert [entry["sku"] for entry in page["items"]] == ["agua", "coxinha"]
    assert page["next_cursor"] is None and page["degraded"] is False
    assert page["items"][0]["availability"] == {"state": "available", "count": None}


async def test_matching_etag_is_304(client: Client) -> None:
    """Contract: `304`."""
    etag = (await client.get(MENU)).headers["ETag"]
    for given in (etag, etag.removeprefix("W/"), f'"x", {etag}', "*"):
        response = await client.get(MENU, headers={"If-None-Match": given})
        assert response.status == 304 and response.headers["ETag"] == etag and not await response.read()
    assert (await client.get(MENU, headers={"If-None-Match": '"x"'})).status == 200


@pytest.mark.parametrize(
    "path", ["/v1/restaurants/r2/menu", "/catalogo?restaurant_id=r2", "/v1/restaurants/%FF/menu"]
)
async def test_unknown_restaurant_is_404(client: Client, path: str) -> None:
    """Contract: 404 `unknown-restaurant`."""
    response = await client.get(path)
    assert response.status == 404 and (await response.json())["type"].endswith("/unknown-restaurant")


@pytest.mark.parametrize(
    ("path", "at"),
    [
        (MENU + "?limit=0", "limit"),
        (MENU + "?foo=1", "foo"),
        (MENU + "?cursor=x", "cursor"),
        ("/catalogo", "restaurant_id"),
        ("/catalogo?restaurant_id=r1&restaurant_id=r2", "restaurant_id"),
        ("/catalogo?restaurant_id=r1&foo=1", "foo"),
        (MENU + "?restaurant_id=r1", "restaurant_id"),
        ("/v1/restaurants?sort=name", "sort"),
    ],
)
async def test_invalid_parameter_is_400(client: Client, path: str, at: str) -> None:
    """Contract: 400 `invalid-request`, naming the fault."""
    response = await client.get(path)
    assert response.status == 400 and (await response.json())["errors"][0]["parameter"] == at


async def test_both_routes_filter(client: Client) -> None:
    """Contract: `GET /catalogo` takes the same parameters."""
    for path in (MENU + "?q=%C3%A1gua&limit=1", "/catalogo?q=%C3%A1gua&limit=1&restaurant_id=r1"):
        page = await (await client.get(path)).json()
        assert [entry["sku"] for entry in page["items"]] == ["agua"]


async def test_restaurants_are_listed(client: Client) -> None:
    """Contract: page of restaurants."""
    page = await (await client.get("/v1/restaurants")).json()
    assert [entry["restaurant_id"] for entry in page["items"]] == ["r1"] and page["next_cursor"] is None


async def test_concurrent_requests_read_once(client: Client, views: FakeViews) -> None:
    """A hot menu must not cost Redis more than a cold one."""
    responses = await asyncio.gather(*(client.get(MENU) for _ in range(20)))
    assert {response.status for response in responses} == {200} and views.reads == 1


async def test_age_does_not_change_the_etag(client: Client, views: FakeViews) -> None:
    """A client that polls an unchanged menu gets 304, though its `as_of` advances."""
    first = await client.get(MENU)
    views.publish_watermarks(as_of := time.time_ns() // 1_000_000 + 500)
    assert (await first.json())["as_of"] != to_text(as_of)
    second = await until_page(client, lambda page: page["as_of"] == to_text(as_of))
    assert second.headers["ETag"] == first.headers["ETag"] and views.reads == 1


async def test_change_is_visible_with_another_etag(client: Client, views: FakeViews) -> None:
    """Pages are kept until their content has changed."""
    etag = (await client.get(MENU)).headers["ETag"]
    views.show("r1", menu([item("pastel")], as_of=time.time_ns() // 1_000_000))
    await until_page(client, lambda page: [e["sku"] for e in page["items"]] == ["pastel"])
    response = await client.get(MENU, headers={"If-None-Match": etag})
    assert response.status == 200 and [e["sku"] for e in (await response.json())["items"]] == ["pastel"]


async def test_promotion_opens_on_a_cached_page(client: Client, views: FakeViews) -> None:
    """Time changes a page too."""
    now = time.time_ns() // 1_000_000
    opens = Promotion("p1", now + 1_000, now + 60_000, [PromotionItem("coxinha", Money(1))], 1)
    views.show("r1", menu([item("coxinha", 990)], promotions=[opens], as_of=now))
    assert (await (await client.get(MENU)).json())["items"][0]["promo_price"] is None
    await until_page(client, lambda page: page["items"][0]["promo_price"] is not None)
    assert (await (await client.get(MENU)).json())["items"][0]["promo_price"]["amount"] == 1


async def test_old_view_is_degraded(client: Client, views: FakeViews) -> None:
    """Contract: more than 3 s behind, `degraded` is true, `count` is null, and what is not surely sold out is `limited`."""
    behind = time.time_ns() // 1_000_000 - 3_500
    views.publish_watermarks(behind)
    views.show("r1", menu([item("coxinha"), item("agua")], [stock("agua", 2, 2)], as_of=behind))
    page = await (await until_page(client, lambda page: page["degraded"])).json()
    assert page["as_of"] == to_text(behind)
    states = {e["sku"]: (e["availability"]["state"], e["availability"]["count"]) for e in page["items"]}
    assert states == {"coxinha": ("limited", None), "agua": ("sold_out", None)}


async def test_redis_outage_serves_degraded_menus(client: Client, views: FakeViews) -> None:
    """Menus that were not read before are 503 with Retry-After, in the reader's language; and all recovers."""
    await client.get(MENU)
    views.down = True
    response = await until_page(client, lambda page: page["degraded"])
    assert response.status == 200
    assert (await response.json())["items"][0]["availability"] == {"state": "limited", "count": None}
    other = await client.get("/v1/restaurants/r2/menu", headers={"Accept-Language": "en"})
    assert other.status == 503 and other.headers["Retry-After"]
    views.down = False
    await until_page(client, lambda page: not page["degraded"])
