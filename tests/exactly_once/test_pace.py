"""How far apart transactions begin, in virtual time."""

import random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams.exactly_once.pace import LONGEST, MOST, Pace

#: Of a transaction, in seconds.
LASTS = 0.005
SECONDS = 6.0


def begun(rates: list[float], seed: int = 0) -> tuple[int, float, float]:
    """Let messages come to partitions; return transactions in the last seconds, and the mean and the longest pause."""
    rng, pace = random.Random(seed), Pace()
    due = sorted((at, p) for p, rate in enumerate(rates) for at in _arrivals(rng, rate))
    free_at = [0.0] * len(rates)
    waiting = [0] * len(rates)
    pauses: list[float] = []
    begins: list[float] = []
    while due or any(waiting):
        ready = [(free_at[p], p) for p, n in enumerate(waiting) if n]
        if ready and (not due or min(ready)[0] <= due[0][0]):
            now, p = min(ready)
            pause = pace.pause(str(p), now)
            if pause > 0:
                pauses.append(pause)
                free_at[p] = now + pause
                continue
            pace.begins(str(p), waiting[p], now)
            begins.append(now)
            pace.ends(str(p), now + LASTS)
            waiting[p], free_at[p] = 0, now + LASTS
        else:
            now, p = due.pop(0)
            waiting[p] += 1
            free_at[p] = max(free_at[p], now)
    late = [at for at in begins if at > SECONDS / 2]
    return len(late), sum(pauses) / max(1, len(begins)), max(pauses, default=0.0)


def _arrivals(rng: random.Random, rate: float) -> list[float]:
    times, now = [], 0.0
    while rate and (now := now + rng.expovariate(rate)) < SECONDS:
        times.append(now)
    return times


@given(st.lists(st.floats(0.0, MOST / 8), min_size=1, max_size=4), st.integers(0, 9))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_where_few_messages_come_next_to_nobody_waits(rates: list[float], seed: int) -> None:
    _, mean, _ = begun(rates, seed)
    assert mean < 0.001


@given(st.lists(st.floats(5.0, 800.0), min_size=1, max_size=3), st.integers(0, 9))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_worker_begins_no_more_than_so_many_transactions_whatever_comes(
    rates: list[float], seed: int
) -> None:
    transactions, _, longest = begun(rates, seed)
    assert transactions <= 1.35 * MOST * SECONDS / 2
    assert longest <= LONGEST


def test_where_more_share_it_than_the_longest_pause_allows_for_each_waits_no_longer() -> None:
    transactions, _, longest = begun([100.0] * 8)
    assert longest <= LONGEST
    assert transactions > MOST * SECONDS / 2


def test_a_partition_rests_for_as_long_as_its_transaction_took_on_a_machine_that_is_busy() -> None:
    pace = Pace()
    for number in range(20):
        pace.begins("a", 20, number * 0.1)
        pace.ends("a", number * 0.1 + 0.03)
    assert abs(pace.pause("a", 1.93) - 0.03) < 1e-9
    assert pace.pause("a", 1.97) == 0.0
    pace.ends("a", 2.4)
    assert pace.pause("a", 2.4) == LONGEST


def test_a_partition_that_has_gone_takes_no_share_for_long() -> None:
    pace = Pace()
    for number in range(40):
        pace.begins("gone", 20, number * 0.05)
        pace.begins("stays", 20, number * 0.05)
    shared = pace.pause("stays", 39 * 0.05)
    for number in range(40, 180):
        pace.begins("stays", 20, number * 0.05)
    alone = pace.pause("stays", 179 * 0.05)
    assert 0 < alone <= 1 / MOST + 1e-9 < shared
