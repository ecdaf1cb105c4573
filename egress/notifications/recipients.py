"""The recipient registry: webhooks of restaurants, push subscriptions of orders. Pure.

It is folded from the log and not read from views. So a lost, late or rebuilt view neither repeats a
notification nor drops one.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import astuple, replace

from egress.kafka.decoding import UnreadableError, decode
from egress.kafka.records import Record
from schemas.catalogue import Restaurant
from schemas.facts import CatalogChanged
from schemas.notifications import PushSubscription
from schemas.timestamps import EpochMs
from schemas.topics import CATALOG_CHANGED, PUSH_SUBSCRIPTIONS

#: A further subscription replaces the oldest.
MAX_BROWSERS_PER_ORDER = 5
#: What the subscriptions of all orders may need in memory, in bytes; past it, the orders that changed longest ago lose
#: theirs. Anonymous clients make them, and endpoints have up to two thousand characters.
MAX_BYTES = 96 << 20
#: What an order and a subscription need besides the texts of the subscription.
ORDER_BYTES, SUBSCRIPTION_BYTES = 700, 700


class BrowserSubscription(NamedTuple):
    """A subscription and its first instant: milliseconds since 1970 by the broker's clock, as in facts."""

    subscription: PushSubscription
    subscribed_at: EpochMs


class RecipientRegistry:
    """Webhooks and subscriptions, as of the last record that was applied."""

    def __init__(self) -> None:
        self._restaurants: dict[str, Restaurant] = {}
        self._browsers: dict[str, dict[str, BrowserSubscription]] = {}  # by order, by id
        self._last_change: dict[str, int] = {}  # by order, the oldest first
        self._bytes = 0  # of the subscriptions

    def apply(self, record: Record) -> None:
        """Apply one record; raises NewerVersionError, and UnreadableError for an unreadable subscription."""
        if record.partition.topic == PUSH_SUBSCRIPTIONS.name:
            self._apply_subscription(decode(PushSubscription, record), record.timestamp)
        elif record.partition.topic == CATALOG_CHANGED.name:
            self._apply_restaurant(record)

    def webhook(self, restaurant_id: str) -> str | None:
        """Return the webhook URL of a restaurant, or None."""
        restaurant = self._restaurants.get(restaurant_id)
        return restaurant.webhook if restaurant is not None else None

    def webhook_secret_version(self, restaurant_id: str) -> int:
        """Return the version of a restaurant's current webhook secret."""
        restaurant = self._restaurants.get(restaurant_id)
        return restaurant.webhook_secret_version if restaurant is not None else 1

    def restaurants_with_webhook(self) -> Sequence[Restaurant]:
        """Return all restaurants that have a webhook."""
        return [one for one in self._restaurants.values() if one.webhook is not None]

    def subscriptions(self, order_id: str, at: int) -> Sequence[PushSubscription]:
        """Return the current subscriptions of an order that were made before or `at` this instant (ms since 1970)."""
        browsers = self._browsers.get(order_id, {}).values()
        return [browser.subscription for browser in browsers if browser.subscribed_at <= at]

    def subscription(self, order_id: str, subscription_id: str) -> PushSubscription | None:
        """Return the current subscription of one browser to an order, or None."""
        browser = self._browsers.get(order_id, {}).get(subscription_id)
        return browser.subscription if browser is not None else None

    def _apply_restaurant(self, record: Record) -> None:
        try:
            fact = decode(CatalogChanged, record)
        except UnreadableError:
            return  # the projector writes it to the dead-letter topic
        if fact.deleted_restaurant:
            known = self._restaurants.get(fact.deleted_restaurant)
            restaurant = known and replace(
                known, webhook=None, version=fact.version
            )  # so that no older one comes back
        else:
            restaurant = fact.restaurant
        if restaurant is None:
            return
        current = self._restaurants.get(restaurant.restaurant_id)
        if current is None or restaurant.version > current.version:
            self._restaurants[restaurant.restaurant_id] = restaurant

    def _apply_subscription(self, message: PushSubscription, at: EpochMs) -> None:
        self._expire(at - PUSH_SUBSCRIPTIONS.retention_ms)
        browsers = self._browsers.get(message.order_id, {})
        self._remove(message.order_id)
        browser = message.browser()
        if browser is None:
            browsers = {}
        else:
            previous = browsers.pop(browser, None)
            if message.action == "subscribe":
                subscribed_at = previous.subscribed_at if previous is not None else at
                browsers[browser] = BrowserSubscription(message, subscribed_at)
                if len(browsers) > MAX_BROWSERS_PER_ORDER:
                    del browsers[next(iter(browsers))]
        if browsers:
            self._browsers[message.order_id], self._last_change[message.order_id] = browsers, at
            self._bytes += _size(browsers)

    def _expire(self, before: int) -> None:
        """Drop the orders whose last subscription has left the topic, and the oldest that exceed the bound on memory."""
        while self._last_change:
            oldest = next(iter(self._last_change))
            if self._last_change[oldest] >= before and self._bytes <= MAX_BYTES:
                return
            self._remove(oldest)

    def _remove(self, order_id: str) -> None:
        self._bytes -= _size(self._browsers.pop(order_id, {}))
        self._last_change.pop(order_id, None)


def _size(browsers: Mapping[str, BrowserSubscription]) -> int:
    """Return how many bytes of memory the subscriptions of an order need."""
    if not browsers:
        return 0
    texts = sum(
        len(text) for b in browsers.values() for text in astuple(b.subscription) if isinstance(text, str)
    )
    return ORDER_BYTES + len(browsers) * SUBSCRIPTION_BYTES + texts
