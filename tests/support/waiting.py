"""Waiting for what comes by itself."""

import asyncio
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
