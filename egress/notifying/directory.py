"""The directory: which restaurant has which webhook, and who wants to be told of which order. Pure.

Folded from the log, not from views, so that views may be lost, late or made anew without anybody
being told twice or not at all.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from egress.fact_log import Record
from egress.fact_reading import UnreadableError, require_key
from schemas import codec
from schemas.catalogue import Restaurant
from schemas.facts import CatalogChanged
from schemas.notifications import PushSubscription
from schemas.topics import CATALOG_CHANGED, PUSH_SUBSCRIPTIONS

#: Browsers that one order tells; a further one takes the place of the first.
MOST_BROWSERS = 5


class Browser(NamedTuple):
    """A subscription, and since when (milliseconds since 1970, the broker's clock, as that of facts) it stands."""

    asked: PushSubscription
    since: int


class Directory:
    """Holds what was read of restaurants and subscriptions."""

    def __init__(self) -> None:
        """Begin empty."""
        self._restaurants: dict[str, Restaurant] = {}
        self._browsers: dict[str, dict[str, Browser]] = {}  # by order, by endpoint
        self._since: dict[str, int] = {}  # when each order's last subscription came, the oldest first

    def take(self, record: Record) -> None:
        """Take one record; raises UnreadableError of a subscription that cannot be read."""
        if record.partition.topic == PUSH_SUBSCRIPTIONS.name:
            self._subscribe(_subscription(record), record.timestamp)
        elif record.partition.topic == CATALOG_CHANGED.name and record.value is not None:
            self._list(record.value)

    def webhook(self, restaurant_id: str) -> str | None:
        """Return the address of the restaurant's own system; None: it has none."""
        restaurant = self._restaurants.get(restaurant_id)
        return restaurant.webhook if restaurant is not None else None

    def restaurants(self) -> Sequence[Restaurant]:
        """Return all restaurants that have a webhook."""
        return [held for held in self._restaurants.values() if held.webhook is not None]

    def browsers(self, order_id: str, at: int) -> Sequence[PushSubscription]:
        """Return who wanted to be told of an order at this instant (milliseconds since 1970), and still does."""
        held = self._browsers.get(order_id, {}).values()
        return [browser.asked for browser in held if browser.since <= at]

    def browser(self, order_id: str, endpoint: str) -> PushSubscription | None:
        """Return one of them; None: it does not want to any more."""
        held = self._browsers.get(order_id, {}).get(endpoint)
        return held.asked if held is not None else None

    def _list(self, value: bytes) -> None:
        try:
            told = codec.decode(CatalogChanged, value)
        except (msgspec.DecodeError, ValueError, RecursionError):
            return  # set aside by the projector
        restaurant = told.restaurant
        if restaurant is None:
            return
        held = self._restaurants.get(restaurant.restaurant_id)
        if held is None or restaurant.version > held.version:
            self._restaurants[restaurant.restaurant_id] = restaurant

    def _subscribe(self, asked: PushSubscription, at: int) -> None:
        self._forget(at - PUSH_SUBSCRIPTIONS.retention_ms)
        held = self._browsers.setdefault(asked.order_id, {})
        self._since.pop(asked.order_id, None)
        self._since[asked.order_id] = at
        if asked.endpoint is None:
            held.clear()
            return
        before = held.pop(asked.endpoint, None)
        if asked.action == "subscribe":
            held[asked.endpoint] = Browser(asked, before.since if before is not None else at)
            if len(held) > MOST_BROWSERS:
                del held[next(iter(held))]

    def _forget(self, before: int) -> None:
        """Drop what the topic does not hold any more either."""
        while self._since and self._since[oldest := next(iter(self._since))] < before:
            del self._since[oldest], self._browsers[oldest]


def _subscription(record: Record) -> PushSubscription:
    if record.value is None:
        raise UnreadableError("the record has no value")
    try:
        asked = codec.decode(PushSubscription, record.value)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise UnreadableError(f"{type(error).__name__}: {error}") from error
    require_key(record, asked.restaurant_id)
    return asked
