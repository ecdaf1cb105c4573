"""Whether a restaurant exists, before a command issues or revokes a token of one: an identifier may be misspelt."""

import contextlib
import sys

from ingress.http.problems import Unavailable
from ingress.views import redis_views
from ingress.views.ports import ViewReader
from ingress.views.redis_views import RedisViews
from schemas import view_keys
from schemas.settings import Settings


class UnknownRestaurantError(Exception):
    """There is no such restaurant."""


async def require_restaurant(settings: Settings, restaurant_id: str) -> None:
    """Raise UnknownRestaurantError if there is no such restaurant; print a warning if that is not known."""
    async with contextlib.aclosing(redis_views.connect(settings.redis)) as redis:
        exists = await is_shown(RedisViews(redis), settings.partitions, restaurant_id)
    if exists is None:
        unknown = f"it is not known whether there is a restaurant {restaurant_id}"
        print(f"warning: {unknown}: Redis has no complete views", file=sys.stderr)
    elif not exists:
        raise UnknownRestaurantError(
            f"there is no restaurant {restaurant_id}; if it was created just now, run the command again"
        )


async def is_shown(views: ViewReader, partitions: int, restaurant_id: str) -> bool | None:
    """Return True if the views show the restaurant, or that it was deleted; None if they do not, and are not complete.

    The tokens of a deleted restaurant are valid for its identifier, so they can be revoked.
    """
    try:
        watermarks = (await views.changes("", 0)).watermarks
        for key in (view_keys.RESTAURANTS, view_keys.DELETIONS):
            if await views.field_version(key, restaurant_id):
                return True
    except Unavailable:
        return None
    return False if len(watermarks) >= partitions else None
