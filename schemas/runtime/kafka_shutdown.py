"""Shutdown of an aiokafka client in any state."""

import asyncio
from collections.abc import Coroutine
from typing import Any

#: How long a client may take to stop; after that its tasks end by themselves.
STOP_TIMEOUT_SECONDS = 2.0


async def close_quietly(stopping: Coroutine[Any, Any, None]) -> None:
    """Await `client.stop()` for at most STOP_TIMEOUT_SECONDS, and swallow its outcome.

    The `stop` of a consumer whose fetch has just failed raises the cancellation of the consumer's own task. A
    caller would take that for its own cancellation and end silently.
    """
    task = asyncio.ensure_future(stopping)
    task.add_done_callback(lambda t: t.cancelled() or t.exception())
    _, unfinished = await asyncio.wait([task], timeout=STOP_TIMEOUT_SECONDS)
    if unfinished:
        task.cancel()
