"""Views that are decoded; tests/integration/ingress/test_redis_views.py reads them from Redis."""

import asyncio
from typing import Any

import pytest
from redis.asyncio import Redis

from ingress.views import redis_views
from ingress.views.redis_views import AddCommands, RedisViews
from schemas import timestamps, view_keys
from tests.support.ingress.samples import menu

#: How many menus are read at most together (ingress/views/batch_loader.py).
MENUS = 64


class DecodedViews(RedisViews):
    """Has a restaurant in every menu, and needs no Redis."""

    def __init__(self) -> None:
        super().__init__(Redis())

    async def read(self, add_commands: AddCommands) -> tuple[str, list[Any]]:
        return "g", [b"1", {}, *({view_keys.RESTAURANT.encode(): b""} for _ in range(MENUS))]


async def test_others_are_served_while_menus_are_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each menu takes 2 ms here, so all of them would be a step of 128 ms."""
    now, turns, decoded_in_turn = 0.0, 0, list[int]()

    def decode(*_: Any) -> Any:
        nonlocal now
        now += 0.002
        decoded_in_turn.append(turns)
        return menu([])

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    monkeypatch.setattr(redis_views, "decode_menu", decode)
    monkeypatch.setattr(timestamps, "monotonic_clock", lambda: now)
    served = asyncio.create_task(others())
    _, menus = await DecodedViews().menus([f"menu:{number}" for number in range(MENUS)])
    served.cancel()
    assert list(menus) == [f"menu:{number}" for number in range(MENUS)]
    assert max(map(decoded_in_turn.count, decoded_in_turn)) <= 4
