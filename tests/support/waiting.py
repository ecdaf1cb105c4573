"""Waits for a condition."""

import asyncio
import time
from collections.abc import Callable
from typing import Any


async def eventually(condition: Any, seconds: float = 10.0) -> None:
    """Return when the condition, which may be a coroutine's, holds."""
    async with asyncio.timeout(seconds):
        while True:
            held = condition()
            if asyncio.iscoroutine(held):
                held = await held
            if held:
                return
            await asyncio.sleep(0.01)


def wait_until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Return when the condition holds; for tests without a loop."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.01)
