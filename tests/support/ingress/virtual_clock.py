"""Tests in virtual time, which passes only when nothing is left to do."""

import asyncio
import itertools
from collections.abc import Coroutine
from typing import Any
from unittest import mock

from tests.simulation import virtual_time


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run to the end on a virtual clock, which is also `time.monotonic`."""

    async def patched() -> None:
        clock, nanoseconds = asyncio.get_running_loop().time, itertools.count()  # no two readings are equal
        with (
            mock.patch("time.monotonic", clock),
            mock.patch("time.monotonic_ns", lambda: round(clock() * 1e9) + next(nanoseconds)),
        ):
            await main

    virtual_time.run(patched())
