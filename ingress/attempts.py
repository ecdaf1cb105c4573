"""Attempts by key: a retry of an order that was let in is let in too, whatever the pressure, but not without end."""

import contextlib
from collections import OrderedDict
from collections.abc import Iterator

#: Keys remembered; that which was used longest ago is forgotten first.
MOST_KEYS = 20_000
#: Requests with one key that may be under way at once; who sends more is no customer who asks again.
MOST_AT_ONCE = 8


class Attempts:
    """The keys of orders that this process has let in lately, and how many requests of each are under way."""

    def __init__(self, most: int = MOST_KEYS) -> None:
        """Take how many keys are remembered."""
        self._most = most
        self._under_way: OrderedDict[tuple[str, str], int] = OrderedDict()

    def is_retry(self, restaurant_id: str, key: str) -> bool:
        """Say whether an order with this key was let in, and its customer asks again."""
        return self._under_way.get((restaurant_id, key), MOST_AT_ONCE) < MOST_AT_ONCE

    @contextlib.contextmanager
    def under_way(self, restaurant_id: str, key: str) -> Iterator[None]:
        """Remember the key from now on; for the length of the block one more request of it is under way."""
        self._count((restaurant_id, key), 1)
        try:
            yield
        finally:
            self._count((restaurant_id, key), -1)

    def _count(self, key: tuple[str, str], more: int) -> None:
        self._under_way[key] = max(0, self._under_way.pop(key, 0) + more)
        if len(self._under_way) > self._most:
            self._under_way.popitem(last=False)
