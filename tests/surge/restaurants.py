"""The restaurants of the window, with shares of the traffic, and each with a promotion of too few portions."""

import asyncio
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Any

import aiohttp
import msgspec

from tests.e2e.customers import order_body
from tests.e2e.stack import ADMIN
from tests.surge.profile import popularity

COUNT = 40
RESTAURANTS = [f"cantina-{number}" for number in range(COUNT)]
PROMOTED = "combo"
SKUS = [PROMOTED, *(f"prato-{number}" for number in range(11))]
PRICE, PROMO_PRICE = 1990, 990
METHODS = ("pix", "card", "cash")
#: Share of the orders that are for the promotion.
PROMOTED_SHARE = 0.6
#: Portions of the promotion, as a share of its orders.
PORTIONS_SHARE = 0.6

_shares = popularity(COUNT)
_cumulative = list(accumulate(_shares))


def draw_restaurant(rng: random.Random) -> str:
    """Return a random restaurant, by popularity."""
    return rng.choices(RESTAURANTS, cum_weights=_cumulative)[0]


def draw_order(rng: random.Random) -> tuple[str, list[tuple[str, int]], bytes]:
    """Return a random order: its restaurant, its lines, the request body."""
    where = draw_restaurant(rng)
    sku = PROMOTED if rng.random() < PROMOTED_SHARE else rng.choice(SKUS[1:])
    lines = [(sku, rng.choice((1, 1, 1, 2)))]
    body = order_body(where, *lines, method=rng.choice(METHODS))
    return where, lines, msgspec.json.encode(body)


async def create_all(session: aiohttp.ClientSession, url: str, orders: float) -> None:
    """Create restaurants, menus and promotions, with too few promoted portions for this many orders."""
    concurrency = asyncio.Semaphore(20)

    async def put(path: str, body: dict[str, Any]) -> None:
        headers = {"Authorization": f"Bearer {ADMIN}"}
        async with concurrency, session.put(url + path, json=body, headers=headers) as response:
            assert response.status in (200, 201), f"{path}: {response.status} {await response.text()}"

    await asyncio.gather(*(put(f"/v1/restaurants/{r}", {"name": r.title()}) for r in RESTAURANTS))
    await asyncio.gather(*(put(path, body) for path, body in _items()))
    await asyncio.gather(*(put(path, body) for path, body in _promotions(orders)))


def _items() -> Iterator[tuple[str, dict[str, Any]]]:
    price = {"amount": PRICE, "currency": "BRL"}
    for where in RESTAURANTS:
        for number, sku in enumerate(SKUS):
            portions = 1_000_000 if number % 2 == 0 else None
            item = {"name": sku.title(), "description": "Da casa, para uma pessoa", "category": "pratos"}
            yield f"/v1/restaurants/{where}/menu/{sku}", item | {"price": price, "portions": portions}


def _promotions(orders: float) -> Iterator[tuple[str, dict[str, Any]]]:
    now = datetime.now(UTC)
    window = {
        "starts_at": (now - timedelta(seconds=5)).isoformat(),
        "ends_at": (now + timedelta(hours=2)).isoformat(),
    }
    price = {"amount": PROMO_PRICE, "currency": "BRL"}
    for where, share in zip(RESTAURANTS, _shares, strict=True):
        portions = max(1, int(orders * share * PROMOTED_SHARE * PORTIONS_SHARE))
        item = {"sku": PROMOTED, "promo_price": price, "portions": portions}
        yield f"/v1/restaurants/{where}/promotions/relampago", window | {"items": [item]}
