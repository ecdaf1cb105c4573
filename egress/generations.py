"""Generations of views: the current one, and a new one made beside it to take its place at once."""

import secrets

from redis.asyncio import Redis

from egress.scripts import Script
from schemas import views

PREFIX = "views-"
#: How long a generation stays closed when whoever closed it has died, in seconds.
CLOSED_SECONDS = 10
#: Keys deleted in one round trip.
DELETE_KEYS = 500

_switch = Script("switch.lua")


def new() -> str:
    """Return the name of a generation that there never was: its keys and revisions are nobody else's."""
    return f"{PREFIX}{secrets.token_hex(4)}"


async def current(redis: Redis) -> str:
    """Return the current generation; where there is none, as in an emptied Redis, a new one."""
    await redis.set(views.CURRENT, new(), nx=True)
    return str((await redis.get(views.CURRENT)).decode())


async def close(redis: Redis, generation: str) -> None:
    """Let a generation take no more writes, so that another can reach where it stands."""
    await redis.set(views.CLOSING, generation, ex=CLOSED_SECONDS)


async def switch(redis: Redis, old: str, fresh: str) -> bool:
    """Make `fresh` the current generation; False, nothing done, unless `old` is that, and closed."""
    return bool(await _switch.run(redis, [views.CURRENT, views.CLOSING], [old, fresh]))


async def delete_all_but(redis: Redis, kept: set[str]) -> int:
    """Delete every generation that is not kept, a little at a time; returns how many keys went."""
    deleted = 0
    found: list[bytes] = []
    async for key in redis.scan_iter(f"{PREFIX}*:*", count=DELETE_KEYS):
        if key.decode().partition(":")[0] not in kept:
            found.append(key)
        if len(found) >= DELETE_KEYS:
            deleted += await redis.unlink(*found)
            found.clear()
    return deleted + (await redis.unlink(*found) if found else 0)
