"""Tasks that work until they are cancelled."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from typing import Any

#: Between two cancellations of a task that does not end.
CANCEL_INTERVAL_SECONDS = 0.5


async def cancel_and_wait(task: "asyncio.Task[Any]") -> None:
    """Cancel a task until it has ended; raises what the task raised.

    One cancellation can be lost: redis-py sends by asyncio.wait_for, which before Python 3.12 forgets a
    cancellation if the awaited future has just finished. A process that waits for such a task would never end.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=CANCEL_INTERVAL_SECONDS)
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def run_until_first_ends(*work: Coroutine[Any, Any, object]) -> None:
    """Run all until one returns or fails, then cancel the others; raises what the first one raised."""
    tasks = [asyncio.ensure_future(part) for part in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await asyncio.gather(*map(cancel_and_wait, tasks), return_exceptions=True)
    for task in done:
        task.result()


@contextlib.asynccontextmanager
async def in_background(work: Coroutine[Any, Any, None]) -> AsyncIterator["asyncio.Task[None]"]:
    """Run the work for the length of the block, and yield its task; raises what the work raised."""
    task = asyncio.ensure_future(work)
    try:
        yield task
    finally:
        await cancel_and_wait(task)
