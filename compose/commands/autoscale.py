"""python -m compose autoscale: keep as many processes as there is need of, until Ctrl-C."""

import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from compose.autoscale import rule
from compose.autoscale.measuring import Meter, calendar
from compose.autoscale.rule import Limits, Wanted
from compose.commands.scale import wanted as numbers
from compose.errors import NotRunning
from compose.supervisor import control, program
from compose.supervisor.state import Home
from schemas.settings import Settings

EVERY_SECONDS = 5.0


def limits(least: list[str], most: list[str], promotion: list[str], stable: float) -> dict[str, Limits]:
    """Read `role=number` arguments for what differs from a cluster's limits. Raises StackError."""
    given = [numbers(arguments) if arguments else {} for arguments in (least, most, promotion)]
    return {
        role: Limits(
            each=usual.each,
            least=given[0].get(role, usual.least),
            most=given[1].get(role, usual.most),
            in_promotion=given[2].get(role, usual.in_promotion),
            stable_seconds=stable,
        )
        for role, usual in rule.LIMITS.items()
    }


def run(settings: Settings, by_role: Mapping[str, Limits], console: Console) -> int:
    """Scale until the stack is gone. Raises NotRunning."""
    home = Home(Path(settings.data_dir).resolve())
    if home.read() is None:
        raise NotRunning(home.folder)
    meter = Meter(f"{program.http_url(settings)}/metrics")
    history: dict[str, list[Wanted]] = {role: [] for role in by_role}
    while home.read() is not None:
        time.sleep(EVERY_SECONDS)
        load = meter.load()
        if load is None:
            continue
        promotion = rule.is_promotion(calendar(settings.redis), time.time_ns() // 1_000_000)
        here = Counter(process.role for process in home.alive())
        change = _change(by_role, history, here, load, promotion)
        if change:
            why = f"lag {load['streams']:.0f}, {load['ingress']:.0f} requests/s" + ", promotion" * promotion
            began_at = time.monotonic()
            try:
                answer = control.request(home, change)
            except OSError:  # the next look is seconds away
                continue
            done = " ".join(f"{role}={number}" for role, number in change.items())
            became = answer.error or f"in {time.monotonic() - began_at:.1f} s"
            console.print(f"{done} ({why}): {became}", soft_wrap=True, highlight=False)
    return 0


def _change(
    by_role: Mapping[str, Limits],
    history: dict[str, list[Wanted]],
    here: Mapping[str, int],
    load: Mapping[str, float],
    promotion: bool,
) -> dict[str, int]:
    """Return the roles that are to have another number of processes; remembers what was recommended."""
    now = time.monotonic()
    change = {}
    for role, bounds in by_role.items():
        current = here.get(role, 0)
        kept = [wanted for wanted in history[role] if wanted.at > now - bounds.stable_seconds]
        history[role] = [*kept, Wanted(now, rule.recommended(current, load[role], bounds, promotion))]
        number = rule.decided(current, now, history[role], bounds)
        if number != current:
            change[role] = number
    return change
