"""Health checks: shared by concurrent requests, and reused for half a second."""

import asyncio

import pytest

from ingress.handlers.health import CHECK_TIMEOUT_SECONDS, MAX_RESULT_AGE_SECONDS, Health
from ingress.http.problems import Unavailable
from tests.support.virtual_clock import in_virtual_time


class Part:
    """A part that answers after a while; counts its checks."""

    def __init__(self, seconds: float = 0.01) -> None:
        self.checks = 0
        self.answer: bool | Exception = True
        self._seconds = seconds

    async def check(self) -> bool:
        self.checks += 1
        await asyncio.sleep(self._seconds)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@in_virtual_time
async def test_concurrent_requests_share_one_check() -> None:
    """A crowd of balancers costs a part one question."""
    part = Part()
    health = Health({"views": part.check})
    assert await asyncio.gather(*(health.check_all() for _ in range(10))) == [{"views": True}] * 10
    assert part.checks == 1


@in_virtual_time
async def test_result_is_reused_for_half_a_second() -> None:
    """A change shows within that time."""
    part = Part()
    health = Health({"views": part.check})
    assert await health.check_all() == {"views": True}
    part.answer = False
    assert await health.check_all() == {"views": True} and part.checks == 1
    await asyncio.sleep(MAX_RESULT_AGE_SECONDS + 0.01)
    assert await health.check_all() == {"views": False}


@in_virtual_time
async def test_part_that_fails_or_hangs_does_not_answer() -> None:
    """The others are reported all the same."""
    broken, hanging, well = Part(), Part(seconds=3600), Part()
    broken.answer = Unavailable()
    health = Health({"broken": broken.check, "hanging": hanging.check, "well": well.check})
    result = await asyncio.wait_for(health.check_all(), CHECK_TIMEOUT_SECONDS + 1)
    assert result == {"broken": False, "hanging": False, "well": True}


@in_virtual_time
async def test_request_that_is_cancelled_leaves_the_check_to_the_others() -> None:
    """A client that disconnects must not fail those who wait for the same result."""
    health = Health({"views": Part().check})
    first, second = (asyncio.ensure_future(health.check_all()) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == {"views": True}
    with pytest.raises(asyncio.CancelledError):
        await first
