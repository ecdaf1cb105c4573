"""Health: whether this process lives, and whether the parts that it needs answer."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from ingress.brief_cache import BriefCache
from ingress.problems import Problem

Check = Callable[[], Awaitable[bool]]

#: How long a finding is good for, and how long a part may take to answer, in seconds.
FINDING_SECONDS = 0.5
CHECK_SECONDS = 1.0


class Health:
    """Asks each part whether it answers."""

    def __init__(self, checks: Mapping[str, Check]) -> None:
        """Take one check for each part."""
        self._checks = checks
        self._findings: BriefCache[None, dict[str, bool]] = BriefCache(lambda _: self._ask(), FINDING_SECONDS)

    async def findings(self) -> dict[str, bool]:
        """Return whether each part answers, asked half a second ago at most."""
        return await self._findings.get(None)

    async def _ask(self) -> dict[str, bool]:
        answers = await asyncio.gather(*(_answers(check) for check in self._checks.values()))
        return dict(zip(self._checks, answers, strict=True))


async def _answers(check: Check) -> bool:
    try:
        return await asyncio.wait_for(check(), CHECK_SECONDS)
    except (Problem, TimeoutError):
        return False
