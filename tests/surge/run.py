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
from tests.surge import judging, progress, shop
from tests.surge.crowd import Crowd
from tests.surge.events import Happenings
from tests.surge.figures import Result
from tests.surge.profile import Profile
from tests.surge.watch import Watch

#: Until the generators are ready.
AHEAD_SECONDS = 3.0


class Options(Struct, frozen=True):
    """What a window is run with."""

    profile: Profile
    seed: int
    kill: bool
    join: bool
    autoscale: bool
    command: str


async def window(stack: Stack, folder: Path, options: Options, console: Console) -> Result:
    """Let the window pass; judge what it left."""
    profile = options.profile
    async with aiohttp.ClientSession() as session:
        await shop.open_all(session, stack.url, profile.orders)
    begin_at = time.time() + AHEAD_SECONDS
    crowd = Crowd(stack.url, profile, begin_at, folder, seed=options.seed)
    watch = Watch(StackDir(stack.data_dir), stack.url, begin_at, crowd.pids)
    happenings = Happenings(StackDir(stack.data_dir), begin_at)
    side = [
        asyncio.create_task(watch.look_on()),
        asyncio.create_task(progress.show(console, crowd.tally, watch, profile, begin_at)),
    ]
    events = [asyncio.create_task(event) for event in _events(happenings, options)]
    if options.autoscale:
        side.append(asyncio.create_task(happenings.autoscale(stack.environment)))
    try:
        await crowd.run()
    finally:
        for task in side:
            task.cancel()
    await asyncio.gather(*events)
    await asyncio.gather(*side, return_exceptions=True)
    console.print("\nthe window is over; reading what it left", highlight=False)
    seen = await asyncio.to_thread(crowd.seen)
    figures: dict[str, int] = {"attempts to order": len(seen.asked), "menus looked at": len(seen.reads)}
    findings = await judging.judge(stack, seen, happenings.events, figures)
    return Result(profile, crowd.tally, watch.looks, happenings.events, figures, findings, options.command)


def _events(happenings: Happenings, options: Options) -> list[Coroutine[Any, Any, None]]:
    """Return what is to happen: a kill in the middle of the promotion, members that join and leave around it."""
    begin, end = next((b, e) for b, e, phase in options.profile.spans() if phase.name == "surge")
    events = []
    if options.kill:
        events.append(happenings.at((begin + end) / 2, happenings.kill))
    if options.join:
        size = happenings.size()
        more = {role: size[role] + 1 for role in ("streams", "ingress")}
        less = {role: size[role] for role in ("streams", "ingress")}
        events.append(happenings.at(begin + 0.2 * (end - begin), lambda: happenings.scale(**more)))
        events.append(happenings.at(begin + 0.8 * (end - begin), lambda: happenings.scale(**less)))
    return events
