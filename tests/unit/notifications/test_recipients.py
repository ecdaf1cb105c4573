"""The recipient registry, and the messages that are built from facts with it."""

import tracemalloc
from functools import partial

import msgspec
import pytest

from egress.kafka.decoding import UnreadableError
from egress.notifications import recipients
from egress.notifications.push import payload as push_payload
from egress.notifications.recipients import MAX_BROWSERS_PER_ORDER, RecipientRegistry
from egress.notifications.webhooks import payload as webhook_payload
from schemas import codec
from schemas.facts import CatalogChanged, OrderFailed
from schemas.notifications import PushSubscription, subscription_id
from schemas.runtime.partitioner import partition
from schemas.topics import PUSH_DELIVERIES, PUSH_SUBSCRIPTIONS, WEBHOOK_DELIVERIES
from tests.support.notifications.messages import (
    AT,
    NOW_MS,
    Browser,
    confirmed,
    event_id,
    message_of,
    record,
    restaurant_changed,
)

TRACE = b"00-trace"
BROWSER = Browser("https://push.example/1")


def registry_of(*messages: object) -> RecipientRegistry:
    registry = RecipientRegistry()
    for offset, message in enumerate(messages):
        registry.apply(record(message, offset))
    return registry


def test_webhook_is_that_of_the_newest_version() -> None:
    """Versions may arrive out of order."""
    registry = registry_of(
        restaurant_changed("https://a.example/"),
        restaurant_changed("https://b.example/", version=3),
        restaurant_changed(None, version=2),
    )
    assert registry.webhook("r1") == "https://b.example/"
    assert registry.webhook("r2") is None
    registry.apply(record(restaurant_changed(None, version=4)))
    assert registry.webhook("r1") is None and not registry.restaurants_with_webhook()


def test_deleted_restaurant_has_no_webhook() -> None:
    """Nor does an older version of it bring one back; one that is put again has its own."""
    deleted = CatalogChanged("r1", AT, 5, deleted_restaurant="r1")
    older = restaurant_changed("https://a.example/", version=4)
    registry = registry_of(older, deleted, older)
    assert registry.webhook("r1") is None and not registry.restaurants_with_webhook()
    registry.apply(record(restaurant_changed("https://b.example/", version=6)))
    assert registry.webhook("r1") == "https://b.example/"
    registry.apply(record(CatalogChanged("r9", AT, 5, deleted_restaurant="r9")))
    assert registry.webhook("r9") is None


def test_browsers_subscribe_and_unsubscribe() -> None:
    """One browser, or all of an order at once; a browser that subscribes again counts once."""
    one, two = BROWSER, Browser("https://push.example/2")
    registry = registry_of(one.subscription(), two.subscription(), one.subscription(), two.subscription("o2"))
    assert {s.endpoint for s in registry.subscriptions("o1", NOW_MS)} == {one.endpoint, two.endpoint}
    registry.apply(record(one.unsubscription()))
    assert registry.subscription("o1", subscription_id("o1", one.endpoint)) is None
    assert registry.subscription("o1", subscription_id("o1", two.endpoint)) is not None
    registry.apply(record(PushSubscription("r1", "o1", "unsubscribe")))
    assert not registry.subscriptions("o1", NOW_MS) and registry.subscriptions("o2", NOW_MS)


def test_subscription_of_an_earlier_release_counts() -> None:
    """It has no id, and neither has its end; both are keyed by the restaurant alone."""
    earlier = msgspec.structs.replace(BROWSER.subscription(), subscription_id=None)
    registry = registry_of(earlier)
    (subscription,) = registry.subscriptions("o1", NOW_MS)
    assert registry.subscription("o1", subscription_id("o1", BROWSER.endpoint)) == subscription == earlier
    registry.apply(
        msgspec.structs.replace(
            record(PushSubscription("r1", "o1", "unsubscribe", BROWSER.endpoint)), key=b"r1"
        )
    )
    assert not registry.subscriptions("o1", NOW_MS)


def test_deliveries_do_not_name_the_endpoint() -> None:
    """It is a secret of the browser, and personal data: one topic has it, which can be erased."""
    registry = registry_of(BROWSER.subscription())
    (message,) = push_payload.build(confirmed(), "3-41-2", TRACE, subscriptions=registry.subscriptions)
    for word in (BROWSER.endpoint, BROWSER.keys["auth"], BROWSER.keys["p256dh"]):
        assert word.encode() not in (message.value or b"")
    assert message_of(message).browser() == subscription_id("o1", BROWSER.endpoint)


def test_records_of_a_browser_replace_each_other() -> None:
    """Compaction removes the endpoint when the subscription ends; the records of an order keep their sequence."""
    subscribed, ended = BROWSER.subscription(), BROWSER.unsubscription()
    everyone = PushSubscription("r1", "o1", "unsubscribe")
    assert subscribed.record_key() == ended.record_key() != everyone.record_key()
    assert BROWSER.endpoint.encode() not in codec.encode(ended)
    assert PUSH_SUBSCRIPTIONS.configs()["cleanup.policy"] == "compact,delete"
    partitions = list(range(8))
    keys = [subscribed.record_key(), everyone.record_key(), b"r1"]
    assert len({partition(key, partitions, partitions) for key in keys}) == 1


def test_facts_before_the_subscription_are_not_pushed() -> None:
    """The page has shown them, also when facts are read late. Subscribing again keeps the first instant."""
    registry = RecipientRegistry()
    for seconds in (5, 9):
        registry.apply(record(BROWSER.subscription(), at=NOW_MS + 1_000 * seconds))
    counts = [len(registry.subscriptions("o1", NOW_MS + 1_000 * seconds)) for seconds in (4, 5, 6)]
    assert counts == [0, 1, 1]
    assert not list(push_payload.build(confirmed(), "1", TRACE, subscriptions=registry.subscriptions))


def test_subscription_of_another_request_gets_no_push() -> None:
    """A stranger with the order's key may have subscribed before the order was placed; older subscriptions name none."""
    registry = registry_of(BROWSER.subscription())
    held = msgspec.structs.replace(confirmed(), holder="first")
    for holder, pushes in ((None, 1), ("first", 1), ("second", 0), ("", 0)):
        registry.apply(record(msgspec.structs.replace(BROWSER.subscription(), holder=holder)))
        built = push_payload.build(held, "1", TRACE, subscriptions=registry.subscriptions)
        assert len(list(built)) == pushes


def test_webhook_secret_version_is_that_of_the_newest_profile() -> None:
    """Egress signs with it and the one before; profiles of earlier releases have the first."""
    changed = restaurant_changed("https://a.example/")
    assert changed.restaurant is not None
    rotated = msgspec.structs.replace(changed.restaurant, version=2, webhook_secret_version=2)
    registry = RecipientRegistry()
    assert registry.webhook_secret_version("r1") == 1
    for fact, version in (
        (changed, 1),
        (msgspec.structs.replace(changed, version=2, restaurant=rotated), 2),
        (changed, 2),
    ):
        registry.apply(record(fact))
        assert registry.webhook_secret_version("r1") == version


def test_browsers_of_an_order_are_limited() -> None:
    """The token of one order must not make egress write to any number of endpoints."""
    browsers = [Browser(f"https://push.example/{n}") for n in range(MAX_BROWSERS_PER_ORDER + 3)]
    registry = registry_of(*(browser.subscription() for browser in browsers))
    endpoints = [subscription.endpoint for subscription in registry.subscriptions("o1", NOW_MS)]
    assert endpoints == [browser.endpoint for browser in browsers[3:]]


def test_subscriptions_expire_with_the_topic() -> None:
    """A process that has run for months has no more of them than one that has just started."""
    registry = RecipientRegistry()
    registry.apply(record(BROWSER.subscription("o1"), at=NOW_MS))
    registry.apply(record(BROWSER.subscription("o2"), at=NOW_MS + 1000))
    later = NOW_MS + PUSH_SUBSCRIPTIONS.retention_ms + 500
    registry.apply(record(BROWSER.subscription("o3"), at=later))
    assert [len(registry.subscriptions(order, later)) for order in ("o1", "o2", "o3")] == [0, 1, 1]


def test_subscriptions_keep_a_bound_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Anonymous clients can subscribe any number of orders within two days; those that changed longest ago lose theirs."""
    monkeypatch.setattr(recipients, "MAX_BYTES", 1_000_000)
    browsers = [Browser(f"https://push.example/{n}/{'e' * 1_900}") for n in range(MAX_BROWSERS_PER_ORDER)]
    tracemalloc.start()
    registry = RecipientRegistry()
    for number in range(300):
        for browser in browsers:
            registry.apply(record(browser.subscription(f"o{number}")))
    assert tracemalloc.get_traced_memory()[0] < 1.1 * recipients.MAX_BYTES
    tracemalloc.stop()
    kept = [number for number in range(300) if registry.subscriptions(f"o{number}", NOW_MS)]
    assert kept == list(range(300 - len(kept), 300)) and len(kept) > 50


def test_unreadable_subscription_raises_and_restaurant_does_not() -> None:
    """The projector writes an unreadable restaurant to the dead-letter topic."""
    registry, restaurant = RecipientRegistry(), record(restaurant_changed("https://a.example/"))
    registry.apply(msgspec.structs.replace(restaurant, value=b"{"))
    good = record(BROWSER.subscription())
    for unreadable in (
        msgspec.structs.replace(good, value=b"{"),
        msgspec.structs.replace(good, value=None),
        msgspec.structs.replace(good, key=b"r2"),
    ):
        with pytest.raises(UnreadableError):
            registry.apply(unreadable)


def test_webhook_message_has_state_and_no_personal_data() -> None:
    """The webhook-id is the event id of the fact; the version makes the order of arrival irrelevant."""
    registry = registry_of(restaurant_changed("https://a.example/"))
    build = partial(webhook_payload.build, webhook=registry.webhook)
    (message,) = build(confirmed(), "3-41-2", TRACE)
    assert (message.topic, event_id(message), codec.header(message.headers, "traceparent")) == (
        WEBHOOK_DELIVERIES.name,
        "3-41-2",
        TRACE,
    )
    body = msgspec.json.decode(message_of(message).body)
    assert (body["type"], body["timestamp"]) == ("order.confirmed", "2026-01-01T12:00:00.000Z")
    assert body["data"]["version"] == 2 and body["data"]["items"][0]["quantity"] == 2
    assert not {"customer_id", "idempotency_key_hash", "request_fingerprint"} & body["data"].keys()
    assert not list(build(confirmed(restaurant_id="r2"), "3-41-3", TRACE))


def test_refused_order_is_pushed_but_not_sent_to_the_restaurant() -> None:
    """The restaurant never had the order; the customer may have left the page before the decision."""
    fields = msgspec.structs.asdict(confirmed())
    failed = OrderFailed(skus=[], **fields | {"status": "cancelled", "reason": "payment_timeout"})
    registry = registry_of(restaurant_changed("https://a.example/"), BROWSER.subscription())
    assert not list(webhook_payload.build(failed, "1", TRACE, webhook=registry.webhook))
    (message,) = push_payload.build(failed, "1", TRACE, subscriptions=registry.subscriptions)
    assert msgspec.json.decode(message_of(message).body)["status"] == "cancelled"


def test_push_message_is_built_per_browser_in_its_language() -> None:
    """Each has its own event id, which does not reveal the endpoint."""
    other = Browser("https://push.example/2")
    registry = registry_of(BROWSER.subscription(), other.subscription(language="en"))
    messages = list(push_payload.build(confirmed(), "3-41-2", TRACE, subscriptions=registry.subscriptions))
    assert {message.topic for message in messages} == {PUSH_DELIVERIES.name}
    event_ids = {event_id(message) for message in messages}
    assert len(event_ids) == 2
    assert all(name.startswith("3-41-2/") and "push" not in name for name in event_ids)
    bodies = [msgspec.json.decode(message_of(message).body) for message in messages]
    assert [(body["lang"], body["body"]) for body in bodies] == [
        ("pt-BR", "O restaurante recebeu seu pedido."),
        ("en", "The restaurant has your order."),
    ]
