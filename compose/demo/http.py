"""A client that retries the same request, with full jitter and a bounded number of attempts."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import aiohttp
import msgspec
from msgspec import Struct

from schemas.runtime import backoff

MAX_ATTEMPTS = 10
FIRST_DELAY_SECONDS = 0.2
MAX_DELAY_SECONDS = 2.0
TIMEOUT = aiohttp.ClientTimeout(total=15)

#: Statuses after which the same key brings the decision later; 202: not decided within the wait.
PENDING_STATUSES = frozenset({202, 429, 503})


class HttpOutcome(Struct, frozen=True):
    """The last response; `seconds` are counted from the first attempt."""

    status: int
    body: bytes
    replayed: bool
    seconds: float


class RetryingClient:
    """Sends JSON requests to one server."""

    def __init__(self, session: aiohttp.ClientSession, base: str) -> None:
        self._session = session
        self._base = base

    async def send(
        self, method: str, path: str, body: Mapping[str, Any], headers: Mapping[str, str]
    ) -> HttpOutcome | None:
        """Return the response with the decision, or None if the last attempt brought none."""
        started = time.monotonic()
        for attempt in range(1, MAX_ATTEMPTS + 1):
            outcome = await self._send_once(method, path, msgspec.json.encode(body), headers, started)
            if outcome is not None and outcome.status not in PENDING_STATUSES:
                return outcome
            await asyncio.sleep(retry_delay(attempt))
        return None

    async def _send_once(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str], started: float
    ) -> HttpOutcome | None:
        try:
            async with self._session.request(
                method,
                self._base + path,
                data=body,
                headers={"Content-Type": "application/json", **headers},
                timeout=TIMEOUT,
            ) as response:
                replayed = response.headers.get("Idempotency-Replayed") == "true"
                raw = await response.read()
                return HttpOutcome(response.status, raw, replayed, time.monotonic() - started)
        except (aiohttp.ClientError, TimeoutError):
            return None


def retry_delay(attempt: int) -> float:
    """Return the seconds to wait after this attempt."""
    return backoff.delay(attempt, first_seconds=FIRST_DELAY_SECONDS, max_seconds=MAX_DELAY_SECONDS)
