"""A line of progress every two seconds while the window lasts."""

import asyncio
import time

from rich.console import Console

from tests.surge.histogram import quantile
from tests.surge.profile import Profile
from tests.surge.stack_monitor import StackMonitor
from tests.surge.tally import Second, Tally, format_statuses

INTERVAL_SECONDS = 2.0
#: Seconds whose figures a line shows.
SHOWN_SECONDS = 4


async def show(
    console: Console, tally: Tally, monitor: StackMonitor, profile: Profile, begin_at: float
) -> None:
    """Print progress until cancelled; on a terminal, one line that is overwritten."""
    while True:
        await asyncio.sleep(INTERVAL_SECONDS)
        at = time.time() - begin_at
        text = _line(tally, monitor, profile, at)
        console.print(text, end="\r" if console.is_terminal else "\n", soft_wrap=True, highlight=False)


def _line(tally: Tally, monitor: StackMonitor, profile: Profile, at: float) -> str:
    end = int(at) - 1  # the generators have not reported the present second
    reads, orders = (tally.over(kind, end - SHOWN_SECONDS, end) for kind in ("reads", "orders"))
    phase = next((p.name for begin, end_, p in profile.spans() if begin <= at < end_), "end")
    sample = monitor.samples[-1] if monitor.samples else None
    load = f"lag {sum(sample.lag.values()):.0f}  cores {sum(sample.cpu.values()):.1f}" if sample else ""
    return (
        f"{at:5.0f} s {phase:8}  reads {sum(reads.served.values()) / SHOWN_SECONDS:6.0f}/s p95 {_p95(reads)}  "
        f"orders {orders.due / SHOWN_SECONDS:5.0f}/s p95 {_p95(orders)}  {load}  {format_statuses(orders.statuses)}  "
        f"sent late p99 {quantile(reads.late, 0.99) * 1000:.0f} ms"
    )


def _p95(second: Second) -> str:
    return f"{quantile(second.served, 0.95) * 1000:4.0f} ms"
