"""One window on a stack that has just been started."""

import asyncio
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import aiohttp
from msgspec import Struct
from rich.console import Console

from compose.supervisor.stack_state import StackDir
from tests.e2e.stack import Stack
from tests.surge import progress, restaurants, window_check
from tests.surge.events import WindowEvents
from tests.surge.figures import WindowResult
from tests.surge.generators import LoadGenerators
from tests.surge.profile import Profile
from tests.surge.stack_monitor import StackMonitor

#: Time for the generators to start.
START_DELAY_SECONDS = 3.0


class WindowOptions(Struct, frozen=True):
    """The options of a window: its load, its seed and its events."""

    profile: Profile
    seed: int
    with_kill: bool
    with_join: bool
    with_autoscaler: bool
    command: str


async def run_window(stack: Stack, folder: Path, options: WindowOptions, console: Console) -> WindowResult:
    """Run the load and the events, then check the observations."""
    profile = options.profile
    async with aiohttp.ClientSession() as session:
        await restaurants.create_all(session, stack.url, profile.orders)
    begin_at = time.time() + START_DELAY_SECONDS
    generators = LoadGenerators(stack.url, profile, begin_at, folder, seed=options.seed)
    monitor = StackMonitor(StackDir(stack.data_dir), stack.url, begin_at, generators.pids)
    events = WindowEvents(StackDir(stack.data_dir), begin_at)
    background = [
        asyncio.create_task(monitor.run()),
        asyncio.create_task(progress.show(console, generators.tally, monitor, profile, begin_at)),
    ]
    planned = [asyncio.create_task(event) for event in _plan(events, options)]
    if options.with_autoscaler:
        background.append(asyncio.create_task(events.autoscale(stack.environment)))
    try:
        await generators.run()
    finally:
        for task in background:
            task.cancel()
    await asyncio.gather(*planned)
    await asyncio.gather(*background, return_exceptions=True)
    console.print("\nthe window is over; reading topics and views", highlight=False)
    seen = await asyncio.to_thread(generators.observations)
    figures: dict[str, int] = {"attempts to order": len(seen.attempts), "menus checked": len(seen.reads)}
    findings = await window_check.check_window(stack, seen, events.events, figures)
    return WindowResult(
        profile, generators.tally, monitor.samples, events.events, figures, findings, options.command
    )


def _plan(events: WindowEvents, options: WindowOptions) -> list[Coroutine[Any, Any, None]]:
    """Return the events: a kill in the middle of the promotion, members that join before it and leave after it."""
    begin, end = options.profile.span("surge")
    planned = []
    if options.with_kill:
        planned.append(events.cause_at((begin + end) / 2, events.kill))
    if options.with_join:
        size = events.size()
        more = {role: size[role] + 1 for role in ("streams", "ingress")}
        less = {role: size[role] for role in ("streams", "ingress")}
        planned.append(events.cause_at(begin + 0.2 * (end - begin), lambda: events.scale(**more)))
        planned.append(events.cause_at(begin + 0.8 * (end - begin), lambda: events.scale(**less)))
    return planned
