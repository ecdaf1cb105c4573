"""The rule of the autoscaler: its laws, and the limits that it shares with a cluster."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compose.autoscale import rule
from compose.autoscale.rule import DEFAULT_LIMITS, Recommendation, RoleLimits
from compose.commands import autoscale
from compose.errors import StackError
from schemas.view_keys import Window

BOUNDS = RoleLimits(
    target_per_process=500, min_processes=2, max_processes=8, min_in_promotion=4, stabilization_seconds=60
)
MANIFEST = Path(__file__).parents[3] / "compose" / "kubernetes" / "scaling.yaml"


@given(st.integers(1, 8), st.floats(0, 1e6), st.booleans())
def test_recommendation_lies_within_bounds(current: int, load: float, promotion: bool) -> None:
    """The minimum is that of a promotion while one is active."""
    number = rule.recommend(current, load, BOUNDS, promotion)
    assert (4 if promotion else 2) <= number <= 8


@given(st.integers(1, 8), st.floats(0, 4000))
def test_load_near_the_target_changes_nothing(current: int, load: float) -> None:
    """Within a tenth of it: each process that joins or leaves costs a rebalance."""
    number = rule.recommend(current, load, BOUNDS, promotion=False)
    if abs(load / (current * 500) - 1) <= 0.1:
        assert number == max(2, current)
    else:
        assert number == min(8, max(2, -int(-load // 500)))


@given(st.floats(0, 1e5), st.floats(0, 1e5), st.integers(1, 8))
def test_more_load_never_needs_fewer_processes(one: float, other: float, current: int) -> None:
    """But for the tolerance of a tenth."""
    low, high = sorted((one, other))
    if high > 1.25 * low:
        assert rule.recommend(current, high, BOUNDS, False) >= rule.recommend(current, low, BOUNDS, False)


@given(st.lists(st.tuples(st.floats(1, 30), st.integers(2, 8)), min_size=1, max_size=30), st.integers(1, 8))
def test_processes_leave_after_stabilization_only(steps: list[tuple[float, int]], current: int) -> None:
    """A process is removed if it was not needed at any moment of the window; growth is bounded."""
    now, history = 0.0, []
    for pause, number in steps:
        now += pause
        history.append(Recommendation(now, number))
        after = rule.decide(current, now, history, BOUNDS)
        if after < current:
            assert all(each.processes <= after for each in history if each.at > now - 60)
        assert after <= max(2 * current, current + 4)
        current = after


def test_promotion_is_active_from_a_minute_before_it() -> None:
    """Until it ends."""
    windows = [Window(100_000, 200_000), Window(900_000, 1_000_000)]
    active = {
        ms: rule.is_promotion_active(windows, ms, lead_seconds=60)
        for ms in (39_999, 40_000, 199_999, 200_000)
    }
    assert active == {39_999: False, 40_000: True, 199_999: True, 200_000: False}
    assert not rule.is_promotion_active([], 0)


def test_arguments_change_the_roles_they_name() -> None:
    """All other limits are those of a cluster."""
    limits = autoscale.role_limits(["streams=1"], ["ingress=2"], [], 60)
    streams, ingress = limits["streams"], limits["ingress"]
    default = DEFAULT_LIMITS
    assert (streams.min_processes, streams.max_processes) == (1, default["streams"].max_processes)
    assert (ingress.min_processes, ingress.max_processes) == (default["ingress"].min_processes, 2)
    with pytest.raises(StackError):
        autoscale.role_limits(["streams"], [], [], 60)


@pytest.mark.skipif(not MANIFEST.exists(), reason="there are no Kubernetes manifests here")
def test_cluster_has_the_same_limits() -> None:
    """One rule for `promo autoscale` and for compose/kubernetes/scaling.yaml."""
    parts = {
        re.search(r"name: promo-(\w+)", part)[1]: part  # type: ignore[index]
        for part in MANIFEST.read_text().split("---")
        if "ScaledObject" in part
    }
    for role, limits in DEFAULT_LIMITS.items():
        part = parts[role]
        assert re.search(rf'hreshold: "{limits.target_per_process:g}"', part)
        assert f"minReplicaCount: {limits.min_processes}\n" in part
        assert f"maxReplicaCount: {limits.max_processes}" in part
        assert f"stabilizationWindowSeconds: {limits.stabilization_seconds:g}" in part


@pytest.mark.parametrize(
    ("low", "high", "promotion", "seconds", "message"),
    [
        (["foo=1"], [], [], 60, "foo: only streams and ingress"),
        (["egress=1"], [], [], 60, "egress: only streams and ingress"),
        (["streams=3"], ["streams=2"], [], 60, "streams: the lower bounds"),
        ([], ["ingress=1"], ["ingress=2"], 60, "ingress: the lower bounds"),
        (["streams=0"], [], ["streams=0"], 60, "streams: the lower bounds"),
        ([], [], [], -1, "--stabilization-seconds"),
    ],
)
def test_wrong_bounds_are_named(
    low: list[str], high: list[str], promotion: list[str], seconds: float, message: str
) -> None:
    """As `promo scale` names them."""
    with pytest.raises(StackError, match=message):
        autoscale.role_limits(low, high, promotion, seconds)
