"""A task ends although a library swallows a cancellation."""

import asyncio

import pytest

from schemas.runtime.cancellation import cancel_and_wait, run_until_first_ends


async def test_task_that_swallows_one_cancellation_still_ends() -> None:
    """Found by the fault campaign: an ingress process that lost one served no request and never ended."""
    started = asyncio.Event()

    async def forgetful() -> None:
        started.set()
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            await asyncio.sleep(3600)

    task = asyncio.ensure_future(forgetful())
    await started.wait()
    async with asyncio.timeout(5):
        await cancel_and_wait(task)
    assert task.cancelled()


async def test_the_error_of_a_failed_task_is_raised() -> None:
    """A task that failed differs from one that was cancelled."""

    async def failing() -> None:
        raise OSError("it fails")

    task = asyncio.ensure_future(failing())
    await asyncio.wait([task])
    with pytest.raises(OSError, match="it fails"):
        await cancel_and_wait(task)


@pytest.mark.parametrize("error", [None, OSError("it fails")])
async def test_first_end_cancels_the_other_parts(error: OSError | None) -> None:
    """A process stops as a whole: at a signal, or where one of its parts fails."""
    ended: list[str] = []

    async def part() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            ended.append("part")

    async def first() -> None:
        await asyncio.sleep(0)
        if error is not None:
            raise error

    work = run_until_first_ends(part(), first(), part())
    if error is None:
        await work
    else:
        with pytest.raises(OSError, match="it fails"):
            await work
    assert ended == ["part", "part"]


async def test_the_error_of_the_part_that_ends_first_is_raised() -> None:
    """A part that fails while it is cancelled does not hide why: only some errors lead to a reconnect."""

    async def fails_when_cancelled() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            raise ValueError("while it closes")

    async def first() -> None:
        raise OSError("the reason")

    with pytest.raises(OSError, match="the reason"):
        await run_until_first_ends(fails_when_cancelled(), first())
