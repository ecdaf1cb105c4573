"""Streams of orders that no view shows: they end, and the reads for them are few whatever their number."""

import contextlib

from ingress.live import subscriptions
from ingress.live.order_stream import OrderStream
from ingress.live.subscriptions import FIND_TIMEOUT_SECONDS, MAX_ORDERS_PER_FIND, Subscriptions
from ingress.views.ports import OrderView, StatusChange
from schemas.timestamps import MonotonicSeconds
from tests.support.egress.stories import Story
from tests.support.ingress.fakes import AT


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = MonotonicSeconds(1_000.0)

    def __call__(self) -> MonotonicSeconds:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now = MonotonicSeconds(self.now + seconds)


def received() -> OrderView:
    """Return the view of an order that was received."""
    story = Story()
    story.order(True)
    return OrderView(story.orders["o1"], [StatusChange("pending", AT, 1), StatusChange("received", AT, 2)])


def test_stream_of_nothing_ends_after_a_minute() -> None:
    """Whether the restaurant of the order is known or not; the stream of an order that was shown goes on."""
    clock = Clock()
    open_streams = Subscriptions(clock)
    unknown, empty, shown = OrderStream("o9", None, 0), OrderStream("o8", "r1", 0), OrderStream("o1", None, 0)
    with contextlib.ExitStack() as streams:
        for stream in (unknown, empty, shown):
            streams.enter_context(open_streams.open_order_stream(stream))
        open_streams.order_became_visible("o1", "r1")
        open_streams.by_restaurant["r1"].publish_orders({"o1": received()}, True)
        clock.advance(FIND_TIMEOUT_SECONDS - 1)
        open_streams.end_overdue()
        assert not any(stream.queue.is_closed for stream in (unknown, empty, shown))
        clock.advance(1)
        open_streams.end_overdue()
        assert unknown.queue.is_closed and empty.queue.is_closed and not shown.queue.is_closed
    assert not open_streams.awaiting_view and not open_streams.by_restaurant


def test_reads_of_an_awaited_order_become_rare() -> None:
    """A quarter of a second apart at first, since most orders appear at once; two seconds at last."""
    clock = Clock()
    open_streams = Subscriptions(clock)
    reads = 0
    with open_streams.open_order_stream(OrderStream("o9", None, 0)):
        for _ in range(int(FIND_TIMEOUT_SECONDS * 4)):
            reads += len(open_streams.pop_due_orders())
            clock.advance(0.25)
    assert 25 <= reads <= 40


def test_thousands_of_awaited_orders_cost_a_bounded_read() -> None:
    """Each round reads so many and no more, and each order has its turn."""
    clock = Clock()
    open_streams = Subscriptions(clock)
    orders = [f"o{n}" for n in range(5 * MAX_ORDERS_PER_FIND)]
    seen: set[str] = set()
    with contextlib.ExitStack() as streams:
        for order in orders:
            streams.enter_context(open_streams.open_order_stream(OrderStream(order, None, 0)))
        for _ in range(2 * int(subscriptions.MAX_FIND_INTERVAL_SECONDS / 0.25)):
            chosen = open_streams.pop_due_orders()
            assert len(chosen) <= MAX_ORDERS_PER_FIND
            seen.update(chosen)
            clock.advance(0.25)
    assert seen == set(orders)
