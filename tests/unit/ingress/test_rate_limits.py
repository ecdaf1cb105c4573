"""Rate limits: laws of token buckets over any sequence of requests, and whose bucket is used."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.http.client_addresses import client_address
from ingress.http.problems import Problem
from ingress.load_shedding.rate_limits import RateLimits, TokenBuckets
from schemas.settings import Settings

PAUSES = st.lists(st.floats(0.0, 5.0), max_size=60)


@given(PAUSES, st.floats(0.1, 50.0), st.integers(1, 20))
def test_grants_never_exceed_burst_and_refill(pauses: list[float], rate: float, burst: int) -> None:
    """At most `burst` plus `rate` tokens per second are granted over any time."""
    buckets, now, granted = TokenBuckets(rate, burst), 0.0, 0
    for pause in pauses:
        now += pause
        granted += buckets.consume("a", now).is_granted
        assert granted <= burst + now * rate + 1e-6


@given(PAUSES, st.floats(0.1, 50.0), st.integers(1, 20))
def test_waiting_as_reported_is_enough(pauses: list[float], rate: float, burst: int) -> None:
    """A client that waits `seconds_until_next` gets a token."""
    buckets, now = TokenBuckets(rate, burst), 0.0
    for pause in pauses:
        now += pause
        state = buckets.consume("a", now)
        if not state.is_granted:
            assert state.seconds_until_next > 0
            now += state.seconds_until_next + 1e-6
            assert buckets.consume("a", now).is_granted


@given(PAUSES, st.floats(0.1, 50.0), st.integers(1, 20))
def test_reported_state_is_exact(pauses: list[float], rate: float, burst: int) -> None:
    """Exactly `remaining` tokens are granted at once, and the bucket is full after the reported time."""
    buckets, now = TokenBuckets(rate, burst), 0.0
    for pause in pauses:
        now += pause
        state = buckets.consume("a", now)
        assert 0 <= state.remaining <= burst
    state = buckets.consume("a", now)
    grants = [buckets.consume("a", now).is_granted for _ in range(state.remaining + 1)]
    assert grants == [True] * state.remaining + [False]
    now += burst / rate + 1e-6
    assert [buckets.consume("a", now).is_granted for _ in range(burst + 1)] == [True] * burst + [False]


def test_buckets_are_separate_and_bounded() -> None:
    """Clients do not share tokens; the least recently seen client is dropped first."""
    buckets = TokenBuckets(0.001, 1, max_clients=3)
    assert buckets.consume("a", 0.0).is_granted and not buckets.consume("a", 0.0).is_granted
    assert all(buckets.consume(client, 0.0).is_granted for client in "bcd")
    assert buckets.consume("a", 0.0).is_granted, "the least recently seen client was dropped"


def test_clock_running_backwards_adds_no_tokens() -> None:
    """Instants before the last one count as the last one."""
    buckets = TokenBuckets(1.0, 1)
    assert buckets.consume("a", 10.0).is_granted
    assert not buckets.consume("a", 5.0).is_granted and not buckets.consume("a", 10.5).is_granted
    assert math.isclose(buckets.consume("a", 10.5).seconds_until_next, 0.5)


@pytest.mark.parametrize(
    ("remote", "forwarded", "client"),
    [
        ("9.9.9.9", "", "9.9.9.9"),
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
def test_only_trusted_proxies_name_the_client(remote: str | None, forwarded: str, client: str | None) -> None:
    """A client that writes X-Forwarded-For itself must not choose its bucket."""
    assert client_address(remote, forwarded, "127.0.0.0/8, ::1/128,10.0.0.0/8") == client


def test_a_catalogue_may_be_put_again_at_once_and_then_changes_at_a_rate() -> None:
    """1,000 at once, then 300 a minute; each restaurant by itself. A rate of 0 is no limit."""
    limits = RateLimits(Settings())
    for _ in range(1_000):
        limits.consume_catalogue_change("r1")
    with pytest.raises(Problem) as refused:
        for _ in range(10):
            limits.consume_catalogue_change("r1")
    assert refused.value.slug == "too-many-requests"
    limits.consume_catalogue_change("r2")
    unlimited = RateLimits(Settings(catalogue_changes_per_minute=0))
    for _ in range(2_000):
        unlimited.consume_catalogue_change("r1")
