"""Health: whether the parts that this process needs answer."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from ingress.http.problems import Problem

HealthCheck = Callable[[], Awaitable[bool]]

#: How long a result is reused, in seconds.
MAX_RESULT_AGE_SECONDS = 0.5
#: How long a part may take to answer, in seconds.
CHECK_TIMEOUT_SECONDS = 1.0


class Health:
    """Checks every part."""

    def __init__(self, checks: Mapping[str, HealthCheck]) -> None:
        """Name a check for each part; it returns True if the part answers."""
        self._checks = checks
        self._result: asyncio.Future[dict[str, bool]] | None = None
        self._reusable_until = 0.0

    async def check_all(self) -> dict[str, bool]:
        """Return for each part whether it answers, as of half a second ago at most."""
        now = asyncio.get_running_loop().time()
        if self._result is None or (self._result.done() and now > self._reusable_until):
            self._result = asyncio.ensure_future(self._check_all())
            self._reusable_until = now + MAX_RESULT_AGE_SECONDS
        return await asyncio.shield(self._result)

    async def _check_all(self) -> dict[str, bool]:
        results = await asyncio.gather(*map(_check, self._checks.values()))
        return dict(zip(self._checks, results, strict=True))


async def _check(check: HealthCheck) -> bool:
    try:
        return await asyncio.wait_for(check(), CHECK_TIMEOUT_SECONDS)
    except (Problem, TimeoutError):
        return False
