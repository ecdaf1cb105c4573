"""The monitor of open transactions counts only time in which the broker answered."""

from aiokafka import TopicPartition

from tests.chaos.transaction_monitor import MAX_GAP_SECONDS, TransactionMonitor

AT = TopicPartition("t", 0)


def since_after(gap: float) -> float:
    """Return since when a record counts as unreadable that was seen at 100 s, compared after a gap."""
    monitor = TransactionMonitor("", [])
    monitor._pending = {AT: (5, 100.0)}
    monitor._compared_at = 100.0
    monitor._leave_out_gap(100.0 + gap)
    return monitor._pending[AT][1]


def test_time_without_an_answer_is_left_out() -> None:
    """Twelve minutes in which nothing could be asked were reported as twelve minutes of an open transaction."""
    assert since_after(750.0) == 850.0
    assert since_after(MAX_GAP_SECONDS) == 100.0
