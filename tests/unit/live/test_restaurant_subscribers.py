"""The streams of one restaurant before its board is loaded."""

from ingress.live import board_stream
from ingress.live.board_stream import BoardStream
from ingress.live.restaurant_subscribers import RestaurantSubscribers
from schemas.timestamps import EpochMs

NOW = EpochMs(1_700_000_000_000)


async def test_new_client_gets_no_status_before_its_snapshot() -> None:
    """Contract: a snapshot, then changes. The snapshot takes some milliseconds; a heartbeat may come before it."""
    subscribers = RestaurantSubscribers()
    stream = BoardStream("r1", None)
    subscribers.board_streams.add(stream)
    subscribers.heartbeat(NOW)
    assert stream.queue.is_empty
    subscribers.heartbeat(NOW)
    assert await stream.queue.get(0) == board_stream.NO_BOARD_STATUS
