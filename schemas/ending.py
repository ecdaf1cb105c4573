"""End a task that works until it is cancelled."""

import asyncio
import contextlib
from typing import Any

#: How long to wait for the end after a cancellation before the next, in seconds.
CANCEL_SECONDS = 0.5


async def end(task: "asyncio.Task[Any]") -> None:
    """Cancel until it has ended; raises what it raised.

    One cancellation can be lost: redis-py sends by asyncio.wait_for, which before Python 3.12 forgets
    it when what it waits for has just been done. A process that waits for such a task never ends.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=CANCEL_SECONDS)
    with contextlib.suppress(asyncio.CancelledError):
        await task
