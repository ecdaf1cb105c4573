"""The autoscaler's rule: laws, and the numbers that a cluster is given."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compose.autoscale import rule
from compose.autoscale.rule import LIMITS, Limits, Wanted
from compose.commands import autoscale
from compose.errors import StackError
from schemas.views import Window

BOUNDS = Limits(each=500, least=2, most=8, in_promotion=4, stable_seconds=60)
MANIFEST = Path(__file__).parents[2] / "compose" / "kubernetes" / "scaling.yaml"


@given(st.integers(1, 8), st.floats(0, 1e6), st.booleans())
def test_what_is_recommended_lies_within_the_bounds(current: int, load: float, promotion: bool) -> None:
    number = rule.recommended(current, load, BOUNDS, promotion)
    assert (4 if promotion else 2) <= number <= 8


@given(st.integers(1, 8), st.floats(0, 4000))
def test_within_a_tenth_of_the_target_nothing_changes(current: int, load: float) -> None:
    """Neither comes nor goes for noise: each costs a rebalance."""
    number = rule.recommended(current, load, BOUNDS, promotion=False)
    if abs(load / (current * 500) - 1) <= 0.1:
        assert number == max(2, current)
    else:
        assert number == min(8, max(2, -int(-load // 500)))


@given(st.floats(0, 1e5), st.floats(0, 1e5), st.integers(1, 8))
def test_more_load_never_asks_for_fewer_than_a_tenth_would_excuse(
    one: float, other: float, current: int
) -> None:
    low, high = sorted((one, other))
    if high > 1.25 * low:
        assert rule.recommended(current, high, BOUNDS, False) >= rule.recommended(current, low, BOUNDS, False)


@given(st.lists(st.tuples(st.floats(1, 30), st.integers(2, 8)), min_size=1, max_size=30), st.integers(1, 8))
def test_fewer_only_after_a_while_in_which_more_were_not_wanted(
    steps: list[tuple[float, int]], current: int
) -> None:
    now, history = 0.0, []
    for pause, number in steps:
        now += pause
        history.append(Wanted(now, number))
        after = rule.decided(current, now, history, BOUNDS)
        if after < current:
            assert all(wanted.number <= after for wanted in history if wanted.at > now - 60)
        assert after <= max(2 * current, current + 4)
        current = after


def test_a_calendar_scales_before_the_promotion_begins_and_not_after_it_ends() -> None:
    windows = [Window(100_000, 200_000), Window(900_000, 1_000_000)]
    told = {ms: rule.is_promotion(windows, ms, ahead_seconds=60) for ms in (39_999, 40_000, 199_999, 200_000)}
    assert told == {39_999: False, 40_000: True, 199_999: True, 200_000: False}
    assert not rule.is_promotion([], 0)


def test_arguments_change_what_they_name() -> None:
    bounds = autoscale.limits(["streams=1"], ["ingress=2"], [], 60)
    assert (bounds["streams"].least, bounds["streams"].most) == (1, LIMITS["streams"].most)
    assert (bounds["ingress"].least, bounds["ingress"].most) == (LIMITS["ingress"].least, 2)
    with pytest.raises(StackError):
        autoscale.limits(["streams"], [], [], 60)


@pytest.mark.skipif(not MANIFEST.exists(), reason="there are no Kubernetes manifests here")
def test_a_cluster_is_given_the_same_numbers() -> None:
    """One rule, whether it is a cluster that scales or `make surge AUTOSCALE=1`."""
    told = {
        re.search(r"name: promo-(\w+)", part)[1]: part  # type: ignore[index]
        for part in MANIFEST.read_text().split("---")
        if "ScaledObject" in part
    }
    for role, limits in LIMITS.items():
        part = told[role]
        assert re.search(rf'hreshold: "{limits.each:g}"', part)
        assert f"minReplicaCount: {limits.least}\n" in part and f"maxReplicaCount: {limits.most}" in part
        assert f"stabilizationWindowSeconds: {limits.stable_seconds:g}" in part
