"""Generations of views: the current one, and a new one that a rebuild fills and then makes current."""

import secrets

from redis.asyncio import Redis

from egress.projections.lua_script import LuaScript
from schemas import view_keys

PREFIX = "views-"
#: How long a generation stays closed if the rebuild dies before the switch, in seconds.
MAX_CLOSED_SECONDS = 10
#: Keys deleted in one round trip.
MAX_DELETED_KEYS = 500

_switch = LuaScript("switch_generation.lua")


def new_generation() -> str:
    """Return a name that no generation has had: no other has its keys, and no cache its revisions."""
    return f"{PREFIX}{secrets.token_hex(4)}"


async def current(redis: Redis) -> str:
    """Return the current generation; a new one where there is none, as in an emptied Redis."""
    await redis.set(view_keys.CURRENT, new_generation(), nx=True)
    return str((await redis.get(view_keys.CURRENT)).decode())


async def close(redis: Redis, generation: str) -> None:
    """Reject writes to a generation, so that another can reach its positions."""
    await redis.set(view_keys.CLOSING, generation, ex=MAX_CLOSED_SECONDS)


async def switch(redis: Redis, old: str, new: str) -> bool:
    """Make `new` the current generation; return False, having done nothing, if `old` is not current or not closed."""
    return bool(await _switch.run(redis, [view_keys.CURRENT, view_keys.CLOSING], [old, new]))


async def delete_all_but(redis: Redis, kept: set[str]) -> int:
    """Delete every other generation, a few keys at a time; return the number of keys that were deleted."""
    deleted = 0
    found: list[bytes] = []
    async for key in redis.scan_iter(f"{PREFIX}*:*", count=MAX_DELETED_KEYS):
        if key.decode().partition(":")[0] not in kept:
            found.append(key)
        if len(found) >= MAX_DELETED_KEYS:
            deleted += await redis.unlink(*found)
            found.clear()
    return deleted + (await redis.unlink(*found) if found else 0)
