"""Workers of egress as tasks."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from typing import Any

from aiokafka.errors import KafkaConnectionError


@contextlib.asynccontextmanager
async def running(worker: Coroutine[Any, Any, None]) -> AsyncIterator["asyncio.Task[None]"]:
    """Run a worker during the block, and yield its task; a failure of Kafka may have ended it."""
    task = asyncio.create_task(worker)
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, KafkaConnectionError):
            await task
