"""How long messages gather, in virtual time."""

import random

from hypothesis import given
from hypothesis import strategies as st

from streams.exactly_once.pace import FEW, GATHER, Pace

SECONDS = 5.0


def seen(*rates: float, seed: int = 0) -> Pace:
    """Return a pace that has seen messages come to partitions at these rates, one at a time."""
    rng, pace = random.Random(seed), Pace()
    for number, rate in enumerate(rates):
        now = 0.0
        while rate and (now := now + rng.expovariate(rate)) < SECONDS:
            pace.takes(str(number), 1, now)
    return pace


@given(st.lists(st.floats(0.0, FEW / 8), min_size=1, max_size=4), st.integers(0, 99))
def test_where_few_messages_come_to_a_worker_nobody_waits(rates: list[float], seed: int) -> None:
    pace = seen(*rates, seed=seed)
    assert [pace.pause(str(number), SECONDS) for number in range(len(rates))] == [0.0] * len(rates)


@given(st.lists(st.floats(60.0, 300.0), min_size=2, max_size=4), st.integers(0, 99))
def test_where_many_come_they_gather(rates: list[float], seed: int) -> None:
    pace = seen(*rates, seed=seed)
    assert [pace.pause(str(number), SECONDS) for number in range(len(rates))] == [GATHER] * len(rates)


def test_a_partition_to_which_few_come_waits_for_nobody_however_busy_the_others_are() -> None:
    pace = seen(300.0, 1.0)
    assert pace.pause("0", SECONDS) == GATHER
    assert pace.pause("1", SECONDS) == pace.pause("never seen", SECONDS) == 0.0


def test_a_partition_that_has_gone_counts_for_a_while_only() -> None:
    pace = seen(300.0, 30.0)
    assert pace.pause("1", SECONDS) == GATHER
    for number in range(150):
        pace.takes("1", 1, SECONDS + number / 30)
    assert pace.pause("1", SECONDS + 5.0) == 0.0
