"""Views read from a real Redis."""

from collections.abc import AsyncIterator

import msgspec
import pytest
from redis.asyncio import Redis

from ingress import redis_views
from ingress.problems import Problem
from ingress.redis_views import RedisViews
from ingress.views import Changes, Reading, StatusChange
from schemas import views
from schemas.catalogue import Restaurant
from schemas.money import Money
from schemas.orders import Order
from schemas.views import Window
from tests.ingress.fakes import AT
from tests.ingress.samples import NOW, item, promotion, stock

encode = msgspec.json.encode
RESTAURANT = Restaurant("r1", "Bar", 10, 1800, 1)
GENERATION = "views-1"
MENU = views.menu("r1")


def key(name: str) -> str:
    return views.inside(GENERATION, name)


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """A client of a database of our own, empty."""
    client = redis_views.connect(redis_url.rpartition("/")[0] + "/9")
    await client.flushdb()
    await client.set(views.CURRENT, GENERATION)
    yield client
    await client.aclose()


async def test_a_menu_is_read_with_its_age(redis: Redis) -> None:
    """The age is that of the partition that decides for the restaurant."""
    shown, held, promo = item("coxinha"), stock("coxinha", 5, 1, p1=2), promotion("p1", coxinha=500)
    await redis.hset(
        key(MENU),
        mapping={
            views.RESTAURANT: views.pack(1, encode(RESTAURANT)),
            views.PARTITION: views.pack(1, b"5"),
            views.ITEM + "coxinha": views.pack(1, encode(shown)),
            views.STOCK + "coxinha": views.pack(3, encode(held)),
            views.PROMOTION + "p1": views.pack(1, encode(promo)),
        },
    )
    await redis.hset(key(views.WATERMARKS), mapping={"4": NOW - 9, "5": NOW})
    await redis.set(key(views.REVISION), 7)
    reading, menus = await RedisViews(redis).menus([MENU, views.menu("r2")])
    assert reading == Reading(GENERATION, 7) and menus.keys() == {MENU}
    menu = menus[MENU]
    assert menu.restaurant == RESTAURANT and (menu.as_of, menu.partitions) == (NOW, (5,))
    assert (menu.items, menu.stocks, menu.promotions) == ([shown], {"coxinha": held}, [promo])


async def test_a_menu_without_a_watermark_is_as_old_as_can_be(redis: Redis) -> None:
    """Nobody knows what is missing, so nothing is promised."""
    await redis.hset(key(MENU), views.RESTAURANT, views.pack(1, encode(RESTAURANT)))
    await redis.hset(key(MENU), views.STOCK + "x", views.pack(1, encode(stock("x", 1, 1))))
    _, menus = await RedisViews(redis).menus([MENU])
    assert menus[MENU].as_of == 0 and not menus[MENU].stocks


async def test_what_is_not_there_is_none(redis: Redis) -> None:
    """Stock facts may come before the restaurant's: a menu without a restaurant is not shown."""
    await redis.hset(key(MENU), views.STOCK + "x", views.pack(1, encode(stock("x"))))
    reader = RedisViews(redis)
    assert (await reader.menus([MENU]))[1] == {} and await reader.order("o1") is None


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
        key(views.order("o1")),
        mapping={
            views.STATUS + "received": views.pack(2, encode(AT)),
            views.ORDER: views.pack(2, encode(order)),
            views.STATUS + "pending": views.pack(1, encode(AT)),
        },
    )
    view = await RedisViews(redis).order("o1")
    assert view is not None and view.order == order
    assert view.history == [StatusChange("pending", AT, 1), StatusChange("received", AT, 2)]


async def test_restaurants_are_read_with_their_windows(redis: Redis) -> None:
    """Which of them has an open promotion is asked of each."""
    await redis.hset(key(views.RESTAURANTS), "r1", views.pack(1, encode(RESTAURANT)))
    await redis.hset(
        key(views.PROMOTIONS), mapping={f"r1/p{n}": views.pack(1, encode(Window(n, 9))) for n in (1, 2)}
    )
    _, view = await RedisViews(redis).restaurants()
    assert view.restaurants == [RESTAURANT]
    assert sorted(view.windows["r1"], key=lambda w: w.starts_at) == [Window(1, 9), Window(2, 9)]


async def test_a_redis_that_is_away_is_unavailable() -> None:
    """503 with Retry-After, at once."""
    client = redis_views.connect("redis://127.0.0.1:1/0")
    reader = RedisViews(client)
    for read in (
        reader.menus([MENU]),
        reader.changes("", 0),
        reader.order("o1"),
        reader.restaurants(),
        reader.ping(),
    ):
        with pytest.raises(Problem, match="unavailable"):
            await read
    await client.aclose()


async def test_what_has_changed_is_told_by_key_and_revision(redis: Redis) -> None:
    """Only what is newer, unless it is of another generation than the one that was asked about."""
    await redis.zadd(key(views.CHANGES), {"menu:a": 3, "menu:b": 4})
    await redis.set(key(views.REVISION), 4)
    await redis.hset(key(views.WATERMARKS), "5", NOW)
    reader = RedisViews(redis)
    assert await reader.changes(GENERATION, 3) == Changes(GENERATION, 4, {"menu:b": 4}, {5: NOW})
    assert (await reader.changes("views-0", 3)).views == {"menu:a": 3, "menu:b": 4}


async def test_a_reader_follows_the_pointer_to_other_views(redis: Redis) -> None:
    """A rebuild switches all readers at once; emptied views, with no pointer, can say nothing."""
    await redis.hset(key(MENU), views.RESTAURANT, views.pack(1, encode(RESTAURANT)))
    reader = RedisViews(redis)
    assert MENU in (await reader.menus([MENU]))[1]
    await redis.set(views.CURRENT, "views-2")
    reading, menus = await reader.menus([MENU])
    assert (reading.generation, menus) == ("views-2", {})
    await redis.delete(views.CURRENT)
    with pytest.raises(Problem, match="unavailable"):
        await reader.menus([MENU])
