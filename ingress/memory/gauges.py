"""What each cache and each shared budget holds, as metrics."""

import asyncio
from typing import Protocol

from schemas import metrics

#: Between two readings, in seconds.
INTERVAL_SECONDS = 1.0


class Measured(Protocol):
    """What holds bytes."""

    held_bytes: int


_measured: dict[str, Measured] = {}


def register(name: str, measured: Measured) -> None:
    """Report what this holds from now on, in place of an earlier one of the same name."""
    _measured[name] = measured


def report() -> None:
    """Set the metrics."""
    for name, measured in _measured.items():
        metrics.held_bytes.labels(name).set(measured.held_bytes)


async def run() -> None:
    """Set the metrics once a second until cancelled."""
    while True:
        report()
        await asyncio.sleep(INTERVAL_SECONDS)
