"""Idempotency keys of admitted orders: their retries are admitted too, whatever the pressure, up to a bound."""

import contextlib
from collections import OrderedDict
from collections.abc import Iterator

#: Keys that are remembered; the least recently used one is dropped first.
MAX_KEYS = 20_000
#: Concurrent requests with one key above which a further one is no longer taken for a customer's retry.
MAX_CONCURRENT_RETRIES = 8


class AdmittedKeys:
    """The keys of orders that this process has admitted, with the number of requests in flight for each."""

    def __init__(self, max_keys: int = MAX_KEYS) -> None:
        self._max_keys = max_keys
        self._in_flight: OrderedDict[tuple[str, str], int] = OrderedDict()

    def is_retry(self, restaurant_id: str, key: str) -> bool:
        """Return True if an order with this key was admitted, and has room for one more retry."""
        return self._in_flight.get((restaurant_id, key), MAX_CONCURRENT_RETRIES) < MAX_CONCURRENT_RETRIES

    @contextlib.contextmanager
    def track(self, restaurant_id: str, key: str) -> Iterator[None]:
        """Remember the key from now on, and count a request in flight for the block."""
        self._add((restaurant_id, key), 1)
        try:
            yield
        finally:
            self._add((restaurant_id, key), -1)

    def _add(self, key: tuple[str, str], count: int) -> None:
        self._in_flight[key] = max(0, self._in_flight.pop(key, 0) + count)
        if len(self._in_flight) > self._max_keys:
            self._in_flight.popitem(last=False)
