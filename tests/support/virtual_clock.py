"""Tests in virtual time, which passes only while every task sleeps: waits take no time, and always the same."""

import asyncio
import itertools
import time
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec
from unittest import mock

from tests.simulation import virtual_time

P = ParamSpec("P")


def in_virtual_time(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run a test on a virtual clock, which is also that of the `time` module. Its fixtures must not need a loop."""

    @wraps(test)
    def run(*arguments: P.args, **fixtures: P.kwargs) -> None:
        started, nanoseconds = time.time_ns(), itertools.count()  # no two readings of nanoseconds are equal

        async def patched() -> None:
            clock = asyncio.get_running_loop().time
            with (
                mock.patch("time.monotonic", clock),
                mock.patch("schemas.timestamps.monotonic_clock", clock),
                mock.patch("time.monotonic_ns", lambda: round(clock() * 1e9) + next(nanoseconds)),
                mock.patch("time.time", lambda: started / 1e9 + clock()),
                mock.patch("time.time_ns", lambda: started + round(clock() * 1e9)),
            ):
                await test(*arguments, **fixtures)

        virtual_time.run(patched())

    return run
