"""The longest single step of asyncio's event loop, in processor time, so that a busy machine does not lengthen it."""

import contextlib
import time
from asyncio import events
from collections.abc import Iterator
from typing import Any

from msgspec import Struct


class LongestStep(Struct):
    """The step that took most processor time."""

    seconds: float = 0.0
    callback: str = ""


@contextlib.contextmanager
def measure_longest_step() -> Iterator[LongestStep]:
    """Measure every step of the block; only of asyncio's own loop, since that of uvloop has no place to measure at."""
    longest = LongestStep()
    run = events.Handle._run

    def timed_run(handle: Any) -> None:
        started = time.thread_time()
        run(handle)
        seconds = time.thread_time() - started
        if seconds > longest.seconds:
            longest.seconds, longest.callback = seconds, repr(handle._callback)

    events.Handle._run = timed_run
    try:
        yield longest
    finally:
        events.Handle._run = run
