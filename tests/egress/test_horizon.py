"""The horizon: until when the views hold all."""

from hypothesis import given
from hypothesis import strategies as st

from egress.horizon import Aim, Horizon
from egress.positions import Partition

A0, B0, A1 = Partition("a", 0), Partition("b", 0), Partition("a", 1)


def test_a_watermark_is_reached_when_every_topic_is_at_the_end_it_had() -> None:
    """The facts of what was asked before it may be in any of the topics."""
    horizon = Horizon()
    horizon.hear(0, 1000)
    assert horizon.wants_ends and not horizon.reached({A0: 99, B0: 99})
    horizon.aim({A0: 5, B0: 7, A1: 100})
    assert not horizon.wants_ends
    assert not horizon.reached({A0: 5, B0: 6, A1: 0})
    assert horizon.reached({A0: 5, B0: 8, A1: 0}) == {0: Aim(1000, {A0: 5, B0: 7})}
    assert not horizon.reached({A0: 9, B0: 9}), "told once"


def test_a_newer_watermark_does_not_move_the_aim() -> None:
    """Under load there is always a newer one; an aim that moved on with it would never be reached."""
    horizon = Horizon()
    horizon.hear(0, 1000)
    horizon.aim({A0: 5})
    horizon.hear(0, 2000)
    horizon.hear(0, 1500)
    assert not horizon.wants_ends
    assert horizon.reached({A0: 5})[0].as_of == 1000
    assert horizon.wants_ends
    horizon.aim({A0: 9})
    assert horizon.reached({A0: 9})[0].as_of == 2000


def test_what_is_heard_after_the_ends_were_asked_for_waits_for_others() -> None:
    """Ends that are older than the watermark say nothing about it."""
    horizon = Horizon()
    horizon.hear(0, 1000)
    horizon.aim({A0: 5, A1: 1})
    horizon.hear(1, 1000)
    assert set(horizon.reached({A0: 9, A1: 9})) == {0} and horizon.wants_ends


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 9)), max_size=20))
def test_what_is_told_of_a_partition_only_grows(heard: list[tuple[int, int]]) -> None:
    """Old watermarks are read again after a restart."""
    horizon, told = Horizon(), [-1, -1]
    for partition, as_of in heard:
        horizon.hear(partition, as_of)
        horizon.aim({})
        for reached, aim in horizon.reached({}).items():
            assert aim.as_of <= max(a for p, a in heard if p == reached)
            told[reached] = max(told[reached], aim.as_of)
    for partition in {p for p, _ in heard}:
        assert told[partition] == max(a for p, a in heard if p == partition)
