"""How long a client wants to wait for a decision, by the Prefer header (RFC 7240)."""

import asyncio
import math
from collections.abc import Iterable

from aiohttp import web

#: Longest wait in seconds; a client that asks for more gets this.
MAX_WAIT_SECONDS = 30.0
#: Preferences that are read; further ones are ignored.
MAX_PREFERENCES = 100


def deadline(request: web.Request, default: float) -> float:
    """Return when the wait ends that begins now, on the loop's clock; `default` as in `wait_seconds`."""
    return asyncio.get_running_loop().time() + wait_seconds(request.headers.getall("Prefer", ()), default)


def wait_seconds(prefer: Iterable[str], default: float) -> float:
    """Return how many seconds to wait for a decision.

    `wait=N` sets the wait, with or without `respond-async`. `respond-async` alone means 0. The first of several
    `wait` counts, and a preference that cannot be parsed is ignored.

    Args:
        prefer: The values of all Prefer headers of the request.
        default: The wait in seconds of a request without a preference.
    """
    wait: float | None = None
    is_async = False
    for preference in ",".join(prefer).split(",", MAX_PREFERENCES)[:MAX_PREFERENCES]:
        name, _, value = preference.partition(";")[0].partition("=")
        name = name.strip().lower()
        if name == "respond-async":
            is_async = True
        elif name == "wait" and wait is None:
            wait = _seconds(value)
    if wait is not None:
        return wait
    return 0.0 if is_async else default


def _seconds(value: str) -> float | None:
    try:
        seconds = float(value.strip().strip('"'))
    except ValueError:
        return None
    return min(seconds, MAX_WAIT_SECONDS) if math.isfinite(seconds) and seconds >= 0 else None
