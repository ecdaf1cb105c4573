"""A task is ended though a library forgets a cancellation."""

import asyncio

import pytest

from schemas.ending import end


async def test_a_task_ends_though_it_forgets_the_first_cancellation() -> None:
    """An ingress process that lost one took no requests and never ended: found by the fault campaign."""
    begun = asyncio.Event()

    async def forgetful() -> None:
        begun.set()
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            await asyncio.sleep(3600)

    task = asyncio.ensure_future(forgetful())
    await begun.wait()
    async with asyncio.timeout(5):
        await end(task)
    assert task.cancelled()


async def test_what_it_raised_is_raised() -> None:
    """A part that has failed is not taken for one that was ended."""

    async def failing() -> None:
        raise OSError("it fails")

    task = asyncio.ensure_future(failing())
    await asyncio.wait([task])
    with pytest.raises(OSError, match="it fails"):
        await end(task)
