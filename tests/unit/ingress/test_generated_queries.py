"""Any query is answered, and never with an error of ours."""

import asyncio
import random
from urllib.parse import quote_plus

import pytest

from tests.support.ingress.fakes import FakeViews
from tests.support.ingress.samples import NOW, item, menu, promotion, stock
from tests.unit.ingress.conftest import Client

QUERIES = 10_000
AT_ONCE = 50

NAMES = ["limit", "cursor", "category", "q", "min_price", "max_price", "promo", "available", "sort"]
VALUES = {
    "limit": ["1", "3", "100", "0", "-1", "101", "1e3", "９", " 5"],
    "category": ["geral", "Salgados", "não há", ""],
    "q": ["pao", "PÃO de queijo", "ção", "%", "\x00", "a" * 200, "a" * 201, "\u0301", "İ", "😀"],
    "min_price": ["0", "500", "-1", "99999999999999999999", "1.5"],
    "max_price": ["0", "500", "NaN", "9" * 400],
    "promo": ["true", "false", "1", "maybe"],
    "available": ["true", "TRUE", "0", "null"],
    "sort": ["name", "price", "-price", "sku", "", "price,-price"],
}
PATHS = ["/v1/restaurants/{}/menu?{}", "/catalogo?restaurant_id={}&{}", "/v1/restaurants?id={}&{}"]


def generated(chance: random.Random, cursors: list[str]) -> str:
    """Return a path: most parameters are right; some are wrong, repeated, unknown or not text at all."""
    parameters = []
    for name in chance.choices(NAMES, k=chance.randint(0, 4)):
        values = VALUES.get(name, cursors)
        value = chance.choice(values)
        if chance.random() < 0.1:
            value = "".join(chr(chance.randrange(1, 0x2FF)) for _ in range(chance.randint(0, 12)))
        parameters.append(f"{name}={quote_plus(value)}")
    if chance.random() < 0.05:
        parameters.append(chance.choice(["%ff=%ff", "=", "&&", "x", "limit", "q=%00%fe", "q=%", "sort=%C3"]))
    restaurant = chance.choice(["r1", "r1", "r1", "r2", "%20", "%FF", "a" * 300])
    return chance.choice(PATHS).format(restaurant, "&".join(parameters))


@pytest.mark.slow
async def test_10000_generated_queries(client: Client, views: FakeViews) -> None:
    """10,000 generated queries without a 5xx, and without a body that is not JSON."""
    names = ["Pão de queijo", "Água", "Coxinha", "bolo", "😀", ""]
    items = [
        item(f"s{n}", 100 * n, name=names[n % 6], category=["geral", "Salgados"][n % 2]) for n in range(40)
    ]
    views.show("r1", menu(items, [stock("s1", 3, 3)], [promotion("p", s2=50, ends_in=10**9)], as_of=NOW))
    chance = random.Random(6)
    cursors = ["", "x", "W10", "ção"]
    statuses: dict[int, int] = {}

    async def ask() -> None:
        response = await client.get(generated(chance, cursors), headers={"If-None-Match": '"x"'})
        body = await response.json(content_type=None)
        statuses[response.status] = statuses.get(response.status, 0) + 1
        if response.status == 200 and body["next_cursor"] and len(cursors) < 50:
            cursors.append(body["next_cursor"])

    for _ in range(QUERIES // AT_ONCE):
        await asyncio.gather(*(ask() for _ in range(AT_ONCE)))
    assert sum(statuses.values()) == QUERIES and statuses.keys() <= {200, 400, 404}
    assert min(statuses.get(status, 0) for status in (200, 400, 404)) > QUERIES / 50
