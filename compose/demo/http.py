"""A client that tries again, as a good one does: bounded, spread by chance, the same request each time."""

import asyncio
import random
import time
from collections.abc import Mapping
from typing import Any

import aiohttp
import msgspec
from msgspec import Struct

ATTEMPTS = 10
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 2.0
TIMEOUT = aiohttp.ClientTimeout(total=15)

#: 202: not decided within the wait; asking again with the same key brings the decision.
UNDECIDED = frozenset({202, 429, 503})


class Answered(Struct, frozen=True):
    """The last answer, and how long it took from the first attempt."""

    status: int
    body: bytes
    replayed: bool
    seconds: float
    attempts: int


class Client:
    """Sends JSON to one server."""

    def __init__(self, session: aiohttp.ClientSession, base: str) -> None:
        self._session = session
        self._base = base

    async def send(
        self, method: str, path: str, body: Mapping[str, Any], headers: Mapping[str, str]
    ) -> Answered | None:
        """Return the answer that decided it; None where there was none after the last attempt."""
        started = time.monotonic()
        for attempt in range(1, ATTEMPTS + 1):
            answer = await self._once(method, path, msgspec.json.encode(body), headers)
            if answer is not None and answer[0] not in UNDECIDED:
                status, raw, replayed = answer
                return Answered(status, raw, replayed, time.monotonic() - started, attempt)
            await asyncio.sleep(pause(attempt))
        return None

    async def _once(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str]
    ) -> tuple[int, bytes, bool] | None:
        try:
            async with self._session.request(
                method,
                self._base + path,
                data=body,
                headers={"Content-Type": "application/json", **headers},
                timeout=TIMEOUT,
            ) as response:
                replayed = response.headers.get("Idempotency-Replayed") == "true"
                return response.status, await response.read(), replayed
        except (aiohttp.ClientError, TimeoutError):
            return None


def pause(attempt: int) -> float:
    """Return the seconds before the next attempt: full jitter under a doubling bound."""
    return random.uniform(0, min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2**attempt))
