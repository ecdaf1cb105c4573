"""Views, read from a real Redis."""

from collections.abc import AsyncIterator

import msgspec
import pytest
from redis.asyncio import Redis

from ingress.http.problems import Problem
from ingress.views import redis_views
from ingress.views.ports import StatusChange, ViewChanges, ViewVersion
from ingress.views.redis_views import RedisViews
from schemas import view_keys
from schemas.catalogue import Restaurant
from schemas.money import Money
from schemas.orders import Order
from schemas.view_keys import Window
from tests.support.egress.dict_store import pack
from tests.support.ingress.fakes import AT
from tests.support.ingress.samples import NOW, item, promotion, stock

encode = msgspec.json.encode
RESTAURANT = Restaurant("r1", "Bar", 10, 1800, 1)
GENERATION = "views-1"
MENU = view_keys.menu("r1")


def key(name: str) -> str:
    return view_keys.inside(GENERATION, name)


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """A client of an empty database of this test."""
    client = redis_views.connect(redis_url.rpartition("/")[0] + "/9")
    await client.flushdb()
    await client.set(view_keys.CURRENT, GENERATION)
    yield client
    await client.aclose()


async def test_menu_has_age_of_its_partition(redis: Redis) -> None:
    """`as_of` is the watermark of the partition that decides for the restaurant."""
    shown, held, promo = item("coxinha"), stock("coxinha", 5, 1, p1=2), promotion("p1", coxinha=500)
    await redis.hset(
        key(MENU),
        mapping={
            view_keys.RESTAURANT: pack(1, encode(RESTAURANT)),
            view_keys.PARTITION: pack(1, b"5"),
            view_keys.ITEM + "coxinha": pack(1, encode(shown)),
            view_keys.STOCK + "coxinha": pack(3, encode(held)),
            view_keys.PROMOTION + "p1": pack(1, encode(promo)),
        },
    )
    await redis.hset(key(view_keys.WATERMARKS), mapping={"4": NOW - 9, "5": NOW})
    await redis.set(key(view_keys.REVISION), 7)
    version, menus = await RedisViews(redis).menus([MENU, view_keys.menu("r2")])
    assert version == ViewVersion(GENERATION, 7) and menus.keys() == {MENU}
    menu = menus[MENU]
    assert menu.restaurant == RESTAURANT and (menu.as_of, menu.partitions) == (NOW, (5,))
    assert (menu.items, menu.stocks, menu.promotions) == ([shown], {"coxinha": held}, [promo])


async def test_menu_without_watermark_has_no_stocks(redis: Redis) -> None:
    """Nothing is known of what is missing, so nothing is promised."""
    await redis.hset(key(MENU), view_keys.RESTAURANT, pack(1, encode(RESTAURANT)))
    await redis.hset(key(MENU), view_keys.STOCK + "x", pack(1, encode(stock("x", 1, 1))))
    _, menus = await RedisViews(redis).menus([MENU])
    assert menus[MENU].as_of == 0 and not menus[MENU].stocks


async def test_missing_views_are_none(redis: Redis) -> None:
    """Stock facts may come before the restaurant's: a menu without a restaurant is not shown."""
    await redis.hset(key(MENU), view_keys.STOCK + "x", pack(1, encode(stock("x"))))
    reader = RedisViews(redis)
    assert (await reader.menus([MENU]))[1] == {} and await reader.order("o1") is None


async def test_history_is_sorted_by_version(redis: Redis) -> None:
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
        key(view_keys.order("o1")),
        mapping={
            view_keys.STATUS + "received": pack(2, encode(AT)),
            view_keys.ORDER: pack(2, encode(order)),
            view_keys.STATUS + "pending": pack(1, encode(AT)),
        },
    )
    assert await RedisViews(redis).order("o1") is None, "the views are being filled"
    await redis.hset(key(view_keys.WATERMARKS), "0", 1)
    view = await RedisViews(redis).order("o1")
    assert view is not None and view.order == order
    assert view.history == [StatusChange("pending", AT, 1), StatusChange("received", AT, 2)]


async def test_restaurants_have_promotion_windows(redis: Redis) -> None:
    """The page shows which of them has an open promotion."""
    await redis.hset(key(view_keys.RESTAURANTS), "r1", pack(1, encode(RESTAURANT)))
    await redis.hset(
        key(view_keys.PROMOTIONS),
        mapping={f"r1/p{n}": pack(1, encode(Window(n, 9))) for n in (1, 2)},
    )
    _, view = await RedisViews(redis).restaurants()
    assert view.restaurants == [RESTAURANT]
    assert sorted(view.windows["r1"], key=lambda w: w.starts_at) == [Window(1, 9), Window(2, 9)]


async def test_unreachable_redis_is_unavailable() -> None:
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


async def test_changes_by_key_and_revision(redis: Redis) -> None:
    """Only later changes, unless the caller's generation is no longer the current one."""
    await redis.zadd(key(view_keys.CHANGES), {"menu:a": 3, "menu:b": 4})
    await redis.set(key(view_keys.REVISION), 4)
    await redis.hset(key(view_keys.WATERMARKS), "5", NOW)
    reader = RedisViews(redis)
    assert await reader.changes(GENERATION, 3) == ViewChanges(GENERATION, 4, {"menu:b": 4}, {5: NOW})
    assert (await reader.changes("views-0", 3)).revisions == {"menu:a": 3, "menu:b": 4}


async def test_reader_follows_generation_pointer(redis: Redis) -> None:
    """A rebuild switches all readers at once; emptied views without a pointer are unavailable."""
    await redis.hset(key(MENU), view_keys.RESTAURANT, pack(1, encode(RESTAURANT)))
    reader = RedisViews(redis)
    assert MENU in (await reader.menus([MENU]))[1]
    await redis.set(view_keys.CURRENT, "views-2")
    version, menus = await reader.menus([MENU])
    assert (version.generation, menus) == ("views-2", {})
    await redis.delete(view_keys.CURRENT)
    with pytest.raises(Problem, match="unavailable"):
        await reader.menus([MENU])
