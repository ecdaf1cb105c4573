"""The directory, and what facts become by it."""

from functools import partial

import msgspec
import pytest

from egress.fact_reading import UnreadableError
from egress.notifying.directory import MOST_BROWSERS, Directory
from egress.push import payload as pushed
from egress.webhooks import payload as hooked
from schemas.facts import OrderFailed
from schemas.notifications import PushSubscription
from schemas.topics import PUSH_DELIVERIES, PUSH_SUBSCRIPTIONS, WEBHOOK_DELIVERIES
from tests.notifying.messages import NOW_MS, Browser, confirmed, listed, record

TRACE = b"00-trace"


def directory(*messages: object) -> Directory:
    held = Directory()
    for offset, message in enumerate(messages):
        held.take(record(message, offset))
    return held


def test_the_newest_profile_of_a_restaurant_says_where_its_webhook_is() -> None:
    """Also when an older one is read after it."""
    held = directory(
        listed("https://a.example/"), listed("https://b.example/", version=3), listed(None, version=2)
    )
    assert held.webhook("r1") == "https://b.example/"
    assert held.webhook("r2") is None
    held.take(record(listed(None, version=4)))
    assert held.webhook("r1") is None and not held.restaurants()


def test_browsers_come_and_go() -> None:
    """One, or all of an order at once; a browser that subscribes again is one."""
    one, two = Browser("https://push.example/1"), Browser("https://push.example/2")
    held = directory(one.subscription(), two.subscription(), one.subscription(), two.subscription("o2"))
    assert {b.endpoint for b in held.browsers("o1", NOW_MS)} == {one.endpoint, two.endpoint}
    held.take(record(PushSubscription("r1", "o1", "unsubscribe", one.endpoint)))
    assert held.browser("o1", one.endpoint) is None and held.browser("o1", two.endpoint) is not None
    held.take(record(PushSubscription("r1", "o1", "unsubscribe")))
    assert not held.browsers("o1", NOW_MS) and held.browsers("o2", NOW_MS)


def test_a_browser_is_not_told_of_what_was_before_it_subscribed() -> None:
    """Its page has shown that; nor when facts are read late. Who subscribes again keeps its place."""
    phone, held = Browser("https://push.example/1"), Directory()
    for seconds in (5, 9):
        held.take(record(phone.subscription(), at=NOW_MS + 1_000 * seconds))
    assert [len(held.browsers("o1", NOW_MS + 1_000 * second)) for second in (4, 5, 6)] == [0, 1, 1]
    assert not list(pushed.tell(confirmed(), "1", TRACE, browsers=held.browsers))


def test_an_order_tells_so_many_browsers_and_no_more() -> None:
    """Whoever has an order's token must not make us write to all the world."""
    held = directory(*(Browser(f"https://push.example/{n}").subscription() for n in range(MOST_BROWSERS + 3)))
    assert [b.endpoint[-1] for b in held.browsers("o1", NOW_MS) if b.endpoint] == ["3", "4", "5", "6", "7"]


def test_subscriptions_are_forgotten_when_the_topic_forgets_them() -> None:
    """A process that runs for months holds no more than one that has just read the topic."""
    held = Directory()
    held.take(record(Browser("https://push.example/1").subscription("o1"), at=NOW_MS))
    held.take(record(Browser("https://push.example/1").subscription("o2"), at=NOW_MS + 1000))
    later = NOW_MS + PUSH_SUBSCRIPTIONS.retention_ms + 500
    held.take(record(Browser("https://push.example/1").subscription("o3"), at=later))
    assert [len(held.browsers(order, later)) for order in ("o1", "o2", "o3")] == [0, 1, 1]


def test_a_subscription_that_cannot_be_read_is_told_and_a_profile_is_not() -> None:
    """Of the catalogue the projector takes care."""
    held, good = Directory(), record(listed("https://a.example/"))
    held.take(msgspec.structs.replace(good, value=b"{"))
    poisoned = record(Browser("https://push.example/1").subscription())
    for broken in (
        msgspec.structs.replace(poisoned, value=b"{"),
        msgspec.structs.replace(poisoned, value=None),
        msgspec.structs.replace(poisoned, key=b"r2"),
    ):
        with pytest.raises(UnreadableError):
            held.take(broken)


def test_a_fact_becomes_a_webhook_with_the_state_and_nothing_personal() -> None:
    """webhook-id is the event-id; the version makes the order of arrival irrelevant."""
    tell = partial(hooked.tell, webhook=directory(listed("https://a.example/")).webhook)
    (letter,) = tell(confirmed(), "3-41-2", TRACE)
    assert (letter.topic, letter.event_id, letter.traceparent) == (WEBHOOK_DELIVERIES.name, "3-41-2", TRACE)
    told = msgspec.json.decode(letter.message.body)
    assert (told["type"], told["timestamp"]) == ("order.confirmed", "2026-01-01T12:00:00.000Z")
    assert told["data"]["version"] == 2 and told["data"]["items"][0]["quantity"] == 2
    assert not {"customer_id", "idempotency_key_hash", "request_fingerprint"} & told["data"].keys()
    assert not list(tell(confirmed(restaurant_id="r2"), "3-41-3", TRACE))


def test_a_restaurant_is_not_told_of_orders_that_it_never_had() -> None:
    """Refused ones are between the customer and us."""
    fields = {name: getattr(confirmed(), name) for name in OrderFailed.__struct_fields__ if name != "skus"}
    failed = OrderFailed(skus=[], **fields | {"status": "cancelled", "reason": "payment_timeout"})
    held = directory(listed("https://a.example/"), Browser("https://push.example/1").subscription())
    assert not list(hooked.tell(failed, "1", TRACE, webhook=held.webhook))
    (letter,) = pushed.tell(failed, "1", TRACE, browsers=held.browsers)
    assert msgspec.json.decode(letter.message.body)["status"] == "cancelled", (
        "who left the page before the decision"
    )


def test_a_fact_becomes_a_push_for_each_browser_in_its_language() -> None:
    """Each under an id of its own, which does not give the endpoint away."""
    browsers = (Browser("https://push.example/1"), Browser("https://push.example/2"))
    held = directory(browsers[0].subscription(), browsers[1].subscription(language="en"))
    letters = list(pushed.tell(confirmed(), "3-41-2", TRACE, browsers=held.browsers))
    assert {letter.topic for letter in letters} == {PUSH_DELIVERIES.name}
    assert len({letter.event_id for letter in letters}) == 2
    assert all(letter.event_id.startswith("3-41-2/") and "push" not in letter.event_id for letter in letters)
    bodies = [msgspec.json.decode(letter.message.body) for letter in letters]
    assert [(b["lang"], b["body"]) for b in bodies] == [
        ("pt-BR", "O restaurante recebeu seu pedido."),
        ("en", "The restaurant has your order."),
    ]
