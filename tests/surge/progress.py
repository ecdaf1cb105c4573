"""A line every few seconds while the window lasts."""

import asyncio
import time

from rich.console import Console

from tests.surge.histogram import quantile
from tests.surge.profile import Profile
from tests.surge.tally import Second, Tally, rates
from tests.surge.watch import Watch

PAUSE = 2.0
WINDOW = 4


async def show(console: Console, tally: Tally, watch: Watch, profile: Profile, begin_at: float) -> None:
    """Say how it goes until cancelled; one line that moves, on a terminal."""
    while True:
        await asyncio.sleep(PAUSE)
        at = time.time() - begin_at
        text = _line(tally, watch, profile, at)
        console.print(text, end="\r" if console.is_terminal else "\n", soft_wrap=True, highlight=False)


def _line(tally: Tally, watch: Watch, profile: Profile, at: float) -> str:
    end = int(at) - 1  # the second that is under way is not told yet
    reads, orders = (tally.over(kind, end - WINDOW, end) for kind in ("reads", "orders"))
    phase = next((p.name for begin, end_, p in profile.spans() if begin <= at < end_), "end")
    look = watch.looks[-1] if watch.looks else None
    watched = f"lag {sum(look.lag.values()):.0f}  cores {sum(look.cpu.values()):.1f}" if look else ""
    return (
        f"{at:5.0f} s {phase:8}  reads {sum(reads.served.values()) / WINDOW:6.0f}/s p95 {_p95(reads)}  "
        f"orders {orders.due / WINDOW:5.0f}/s p95 {_p95(orders)}  {watched}  {rates(orders.statuses)}  "
        f"sent late p99 {quantile(reads.late, 0.99) * 1000:.0f} ms"
    )


def _p95(second: Second) -> str:
    return f"{quantile(second.served, 0.95) * 1000:4.0f} ms"
