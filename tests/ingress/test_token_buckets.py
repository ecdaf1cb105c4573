"""Token buckets: laws over any sequence of requests."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.rate_limits import client_address
from ingress.token_buckets import TokenBuckets

PAUSES = st.lists(st.floats(0.0, 5.0), max_size=60)


@given(PAUSES, st.floats(0.1, 50.0), st.integers(1, 20))
def test_never_more_than_the_burst_and_what_came_in_meanwhile(
    pauses: list[float], rate: float, burst: int
) -> None:
    buckets, now, granted = TokenBuckets(rate, burst), 0.0, 0
    for pause in pauses:
        now += pause
        granted += buckets.take("a", now).granted
        assert granted <= burst + now * rate + 1e-6


@given(PAUSES, st.floats(0.1, 50.0), st.integers(1, 20))
def test_who_waits_as_long_as_it_is_told_is_let_in(pauses: list[float], rate: float, burst: int) -> None:
    buckets, now = TokenBuckets(rate, burst), 0.0
    for pause in pauses:
        now += pause
        verdict = buckets.take("a", now)
        if not verdict.granted:
            assert verdict.next_in > 0
            now += verdict.next_in + 1e-6
            assert buckets.take("a", now).granted


@given(PAUSES, st.floats(0.1, 50.0), st.integers(1, 20))
def test_what_a_client_is_told_is_true(pauses: list[float], rate: float, burst: int) -> None:
    """So many more go through at once, and after so long the bucket is full."""
    buckets, now = TokenBuckets(rate, burst), 0.0
    for pause in pauses:
        now += pause
        verdict = buckets.take("a", now)
        assert 0 <= verdict.left <= burst
    verdict = buckets.take("a", now)
    grants = [buckets.take("a", now).granted for _ in range(verdict.left + 1)]
    assert grants == [True] * verdict.left + [False]
    now += burst / rate + 1e-6
    assert [buckets.take("a", now).granted for _ in range(burst + 1)] == [True] * burst + [False]


def test_clients_do_not_take_each_others_tokens_and_are_not_remembered_without_end() -> None:
    buckets = TokenBuckets(0.001, 1, most=3)
    assert buckets.take("a", 0.0).granted and not buckets.take("a", 0.0).granted
    assert all(buckets.take(client, 0.0).granted for client in "bcd")
    assert buckets.take("a", 0.0).granted, "forgotten, as the one who asked longest ago"


def test_a_clock_that_runs_backwards_gives_nothing_away() -> None:
    buckets = TokenBuckets(1.0, 1)
    assert buckets.take("a", 10.0).granted
    assert not buckets.take("a", 5.0).granted and not buckets.take("a", 10.5).granted
    assert math.isclose(buckets.take("a", 10.5).next_in, 0.5)


@pytest.mark.parametrize(
    ("remote", "forwarded", "client"),
    [
        ("9.9.9.9", None, "9.9.9.9"),
        ("9.9.9.9", "1.1.1.1", "9.9.9.9"),
        ("127.0.0.1", "1.1.1.1", "1.1.1.1"),
        ("127.0.0.1", "8.8.8.8, 1.1.1.1", "1.1.1.1"),
        ("10.0.0.7", "8.8.8.8, 1.1.1.1, 10.1.2.3", "1.1.1.1"),
        ("::1", "2001:db8::1", "2001:db8::1"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", "nonsense", "nonsense"),
        (None, "1.1.1.1", None),
    ],
)
def test_only_trusted_gateways_are_believed_who_asks(
    remote: str | None, forwarded: str | None, client: str | None
) -> None:
    """Whoever writes X-Forwarded-For must not choose whose bucket is used."""
    assert client_address(remote, forwarded, "127.0.0.0/8, ::1/128,10.0.0.0/8") == client
