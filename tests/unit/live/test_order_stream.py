"""Which statuses are sent next: laws over any history that becomes visible in any order."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ingress.live.order_stream import OrderStream, has_ended, next_changes, resume_version
from ingress.views.answers import Refusal, newest
from ingress.views.ports import OrderView, StatusChange
from schemas.orders import FINAL, Order
from tests.support.egress.stories import LIVES, Story
from tests.support.ingress.fakes import AT


async def sent_versions(stream: OrderStream) -> list[int]:
    """Return the ids of the events that are queued."""
    sent = []
    while not stream.queue.is_empty:
        message = await stream.queue.get(1.0)
        sent.append(int((message or b"").partition(b"\n")[0].removeprefix(b"id: ")))
    return sent


stories = st.sampled_from([life for life in LIVES if "refunded" not in life])


def complete_history(life: tuple[str, ...], first_version: int) -> tuple[Order, list[StatusChange]]:
    """Return an order with this life and its changes, whose versions start at `first_version`."""
    story = Story()
    story.order(True, life)
    order = story.orders["o1"]
    statuses = ["pending", "received", *life]
    return order, [StatusChange(status, AT, first_version + n) for n, status in enumerate(statuses)]


@given(stories, st.integers(1, 5), st.data())
def test_each_status_is_sent_once_in_order(
    life: tuple[str, ...], first_version: int, data: st.DataObject
) -> None:
    """Contract: every status change, from the first, in order, none twice; whatever the order in which views show them."""
    order, changes = complete_history(life, first_version)
    known: list[StatusChange] = []
    sent: list[StatusChange] = []
    after = 0
    for change in data.draw(st.permutations(changes)):
        known.append(change)
        view = OrderView(order, list(known))
        new = next_changes(view, after)
        sent += new
        after = new[-1].version if new else after
        again = data.draw(st.booleans())
        assert not again or next_changes(view, after) == []
    assert sent == changes
    assert has_ended(OrderView(order, known), after) == (changes[-1].status in FINAL)


@given(stories, st.integers(0, 9))
def test_resume_sends_what_follows(life: tuple[str, ...], after: int) -> None:
    """Last-Event-ID: nothing twice, nothing missed; a version that the order never had sends all that there is."""
    order, changes = complete_history(life, 1)
    view = OrderView(order, changes)
    resumed = resume_version(view, after)
    assert next_changes(view, resumed) == (changes[after:] if after <= len(changes) else changes)


@given(stories, st.integers(0, 60))
def test_final_status_ends_any_resumed_stream(life: tuple[str, ...], after: int) -> None:
    """A client with an id of another order is sent the final status, and does not come back to nothing for good."""
    order, changes = complete_history(life, 1)
    stream = OrderStream("o1", "r1", after)
    stream.publish(OrderView(order, changes), True)
    assert stream.queue.is_closed == (changes[-1].status in FINAL)
    assert stream.queue.is_empty == (after == len(changes))


@given(stories, st.integers(1, 9))
def test_incomplete_views_send_nothing_twice(life: tuple[str, ...], after: int) -> None:
    """Views that are being filled show few versions; what the client has is not sent again for that."""
    order, changes = complete_history(life, 1)
    stream = OrderStream("o1", "r1", after := min(after, len(changes)))
    for known in range(len(changes) + 1):
        stream.publish(OrderView(order, changes[:known]), is_complete=False)
    stream.publish(OrderView(order, changes), is_complete=True)
    assert asyncio.run(sent_versions(stream)) == [change.version for change in changes[after:]]


def test_stream_of_another_request_is_ended_without_an_event() -> None:
    """A stream may be open before the order is decided; a refusal is that of its request, so the stream waits."""
    order, changes = complete_history(("preparing",), 1)
    order = replace(order, holder="first")
    stranger, own = OrderStream("o1", "r1", 0, "second"), OrderStream("o1", "r1", 0, "first")
    refused = newest(None, [Refusal("o1", "r1", "unknown_item", AT, "second")])
    assert refused is not None
    own.publish(refused, True)
    assert own.queue.is_empty and not own.queue.is_closed
    for stream in (stranger, own):
        stream.publish(OrderView(order, changes), True)
    assert stranger.queue.is_empty and stranger.queue.is_closed and not own.queue.is_empty


def test_earlier_order_with_same_id_is_not_sent() -> None:
    """An expired key makes a new order under the same id, whose versions continue those of the earlier order."""
    order, changes = complete_history(("preparing",), 4)
    earlier = [StatusChange("cancelled", AT, 2), StatusChange("delivered", AT, 3)]
    view = OrderView(order, [*earlier, *changes])
    assert next_changes(view, 0) == changes == next_changes(view, 2)
    assert not has_ended(view, 6)


def test_refund_is_not_a_status() -> None:
    """The stream has ended by then; the order itself shows the refund."""
    story = Story()
    story.order(True, ("cancelled", "refunded"))
    changes = [StatusChange(s, AT, n) for n, s in enumerate(("pending", "received", "cancelled"), 1)]
    view = OrderView(story.orders["o1"], changes)
    assert view.order.version == 4 and next_changes(view, 0) == changes and has_ended(view, 3)
