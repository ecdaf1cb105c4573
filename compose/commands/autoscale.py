"""promo autoscale: scale a running stack to its load until Ctrl-C."""

import time
from collections import Counter
from collections.abc import Mapping

from msgspec import structs
from rich.console import Console

from compose.autoscale import rule
from compose.autoscale.load_source import LoadSource, promotion_windows
from compose.autoscale.rule import Recommendation, RoleLimits
from compose.commands.scale import parse_role_counts
from compose.errors import NotRunning, StackError
from compose.supervisor import control, scaling_bounds, services
from compose.supervisor.stack_state import StackDir
from schemas import timestamps
from schemas.settings import Settings
from schemas.timestamps import wall_clock

POLL_INTERVAL_SECONDS = 5.0


def role_limits(
    minimum: list[str], maximum: list[str], in_promotion: list[str], stabilization_seconds: float
) -> dict[str, RoleLimits]:
    """Return the limits of each role: those of `role=number` arguments, else a cluster's. Raises StackError."""
    low, high, promotion = (parse_role_counts(arguments) for arguments in (minimum, maximum, in_promotion))
    if unknown := sorted({*low, *high, *promotion} - rule.DEFAULT_LIMITS.keys()):
        raise StackError(
            f"{', '.join(unknown)}: only {' and '.join(rule.DEFAULT_LIMITS)} are scaled by load."
        )
    if stabilization_seconds < 0:
        raise StackError("--stabilization-seconds is below 0.")
    by_role = {
        role: RoleLimits(
            target_per_process=default.target_per_process,
            min_processes=low.get(role, default.min_processes),
            max_processes=high.get(role, default.max_processes),
            min_in_promotion=promotion.get(role, default.min_in_promotion),
            stabilization_seconds=stabilization_seconds,
        )
        for role, default in rule.DEFAULT_LIMITS.items()
    }
    for role, limits in by_role.items():
        if not 0 < max(limits.min_processes, limits.min_in_promotion) <= limits.max_processes:
            raise StackError(
                f"{role}: the lower bounds must be from 1 to the upper one, {limits.max_processes}."
            )
    return by_role


def run(settings: Settings, by_role: Mapping[str, RoleLimits], console: Console) -> int:
    """Scale until the stack stops. Raises NotRunning."""
    stack_dir = StackDir.of(settings)
    if stack_dir.read_state() is None:
        raise NotRunning(stack_dir.folder)
    bounds = scaling_bounds.role_bounds(settings)
    by_role = {
        role: structs.replace(limits, max_processes=min(limits.max_processes, bounds[role].max_processes))
        for role, limits in by_role.items()
    }
    source = LoadSource(f"{services.http_url(settings)}/metrics")
    history: dict[str, list[Recommendation]] = {role: [] for role in by_role}
    while stack_dir.read_state() is not None:
        time.sleep(POLL_INTERVAL_SECONDS)
        load = source.measure()
        if load is None:
            continue
        promotion = rule.is_promotion_active(promotion_windows(settings.redis), wall_clock())
        current = Counter(process.role for process in stack_dir.running_processes())
        counts = _changed_counts(by_role, history, current, load, promotion)
        if counts:
            reason = (
                f"lag {load['streams']:.0f}, {load['ingress']:.0f} requests/s" + ", promotion" * promotion
            )
            started_at = time.monotonic()
            try:
                reply = control.request_scale(stack_dir, counts)
            except OSError:  # the next poll tries again
                continue
            change = " ".join(f"{role}={count}" for role, count in counts.items())
            result = reply.error or f"in {time.monotonic() - started_at:.1f} s"
            console.print(f"{change} ({reason}): {result}", soft_wrap=True, highlight=False)
    return 0


def _changed_counts(
    by_role: Mapping[str, RoleLimits],
    history: dict[str, list[Recommendation]],
    current_counts: Mapping[str, int],
    load: Mapping[str, float],
    promotion: bool,
) -> dict[str, int]:
    """Return the new numbers of the roles that change; adds the recommendations to `history`."""
    now = timestamps.monotonic_clock()
    changed = {}
    for role, limits in by_role.items():
        current = current_counts.get(role, 0)
        recent = [each for each in history[role] if each.at > now - limits.stabilization_seconds]
        recommendation = Recommendation(now, rule.recommend(current, load[role], limits, promotion))
        history[role] = [*recent, recommendation]
        count = rule.decide(current, now, history[role], limits)
        if count != current:
            changed[role] = count
    return changed
