"""How a client of aiokafka is let go, whatever state it is in."""

import asyncio
from collections.abc import Coroutine
from typing import Any

#: Longest a client may take to say goodbye, in seconds; after that its tasks are left to end by themselves.
SECONDS = 2.0


async def let_go(stopping: Coroutine[Any, Any, None]) -> None:
    """Wait for a client to stop, for a moment; how that ends is nobody's concern.

    A consumer whose fetch has just failed raises the cancellation of its own task from `stop`. It must
    not reach the caller, who would take it for its own and end without a word.
    """
    task = asyncio.ensure_future(stopping)
    task.add_done_callback(lambda t: t.cancelled() or t.exception())
    _, unfinished = await asyncio.wait([task], timeout=SECONDS)
    if unfinished:
        task.cancel()
