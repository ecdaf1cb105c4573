"""Views read from a real Redis."""

import time
from collections.abc import AsyncIterator

import msgspec
import pytest
from redis.asyncio import Redis

from ingress import redis_views
from ingress.problems import Problem
from ingress.redis_views import RedisViews
from ingress.views import StatusChange
from schemas import views
from schemas.catalogue import Restaurant
from schemas.money import Money
from schemas.orders import Order
from schemas.views import Window
from tests.ingress.fakes import AT
from tests.ingress.samples import NOW, item, promotion, stock

encode = msgspec.json.encode
PARTITIONS = 2
RESTAURANT = Restaurant("r1", "Bar", 10, 1800, 1)


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """A client of a database of our own, empty."""
    client = redis_views.connect(redis_url.rpartition("/")[0] + "/9")
    await client.flushdb()
    yield client
    await client.aclose()


async def test_a_menu_is_read_with_its_age(redis: Redis) -> None:
    """The age is that of the partition that decides for the restaurant."""
    shown, held, promo = item("coxinha"), stock("coxinha", 5, 1, p1=2), promotion("p1", coxinha=500)
    await redis.hset(
        views.menu("r1"),
        mapping={
            views.RESTAURANT: views.pack(1, encode(RESTAURANT)),
            views.PARTITION: views.pack(1, b"5"),
            views.ITEM + "coxinha": views.pack(1, encode(shown)),
            views.STOCK + "coxinha": views.pack(3, encode(held)),
            views.PROMOTION + "p1": views.pack(1, encode(promo)),
        },
    )
    await redis.hset(views.WATERMARKS, mapping={"4": NOW - 9, "5": NOW})
    menu = await RedisViews(redis, PARTITIONS).menu("r1")
    assert menu is not None and menu.restaurant == RESTAURANT and menu.as_of == NOW
    assert (menu.items, menu.stocks, menu.promotions) == ([shown], {"coxinha": held}, [promo])


async def test_a_menu_without_a_watermark_is_as_old_as_can_be(redis: Redis) -> None:
    """Nobody knows what is missing, so nothing is promised."""
    await redis.hset(views.menu("r1"), views.RESTAURANT, views.pack(1, encode(RESTAURANT)))
    menu = await RedisViews(redis, PARTITIONS).menu("r1")
    assert menu is not None and menu.as_of == 0


async def test_a_restaurant_that_emptied_views_may_only_lack_is_not_said_to_be_unknown(redis: Redis) -> None:
    """After a FLUSHALL, or far behind: 503 and come back, not 404."""
    reader = RedisViews(redis, PARTITIONS)
    now = int(time.time() * 1000)
    for watermarks in ({}, {"0": now}, {"0": now, "1": now - 60_000}):
        await redis.delete(views.WATERMARKS)
        if watermarks:
            await redis.hset(views.WATERMARKS, mapping=watermarks)
        with pytest.raises(Problem, match="unavailable"):
            await reader.menu("r1")


async def test_what_is_not_there_is_none(redis: Redis) -> None:
    """Stock facts may come before the restaurant's: a menu without a restaurant is not shown."""
    await redis.hset(views.menu("r1"), views.STOCK + "x", views.pack(1, encode(stock("x"))))
    now = int(time.time() * 1000)
    await redis.hset(views.WATERMARKS, mapping={"0": now, "1": now})
    reader = RedisViews(redis, PARTITIONS)
    assert await reader.menu("r1") is None and await reader.order("o1") is None


async def test_an_orders_history_is_in_the_order_of_versions(redis: Redis) -> None:
    """Instants may be equal; versions grow."""
    order = Order(
        order_id="o1",
        restaurant_id="r1",
        status="received",
        items=[],
        total=Money(0),
        payment_method="pix",
        idempotency_key_hash="h",
        created_at=AT,
        updated_at=AT,
        version=2,
    )
    await redis.hset(
        views.order("o1"),
        mapping={
            views.STATUS + "received": views.pack(2, encode(AT)),
            views.ORDER: views.pack(2, encode(order)),
            views.STATUS + "pending": views.pack(1, encode(AT)),
        },
    )
    view = await RedisViews(redis, PARTITIONS).order("o1")
    assert view is not None and view.order == order
    assert view.history == [StatusChange("pending", AT), StatusChange("received", AT)]


async def test_restaurants_are_read_with_their_windows(redis: Redis) -> None:
    """Which of them has an open promotion is asked of each."""
    await redis.hset(views.RESTAURANTS, "r1", views.pack(1, encode(RESTAURANT)))
    await redis.hset(
        views.PROMOTIONS, mapping={f"r1/p{n}": views.pack(1, encode(Window(n, 9))) for n in (1, 2)}
    )
    view = await RedisViews(redis, PARTITIONS).restaurants()
    assert view.restaurants == [RESTAURANT]
    assert sorted(view.windows["r1"], key=lambda w: w.starts_at) == [Window(1, 9), Window(2, 9)]


async def test_a_redis_that_is_away_is_unavailable() -> None:
    """503 with Retry-After, at once."""
    client = redis_views.connect("redis://127.0.0.1:1/0")
    reader = RedisViews(client, PARTITIONS)
    for read in (reader.menu("r1"), reader.order("o1"), reader.restaurants(), reader.ping()):
        with pytest.raises(Problem, match="unavailable"):
            await read
    await client.aclose()
