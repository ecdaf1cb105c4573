"""Waits until a change of a catalogue can be read at every process, so that its answer is true for all readers."""

import asyncio

from ingress.http.problems import Unavailable
from ingress.views.cache import MAX_REUSE_SECONDS, MAX_REUSE_UNDER_PRESSURE_SECONDS
from ingress.views.change_tracker import POLL_INTERVAL_SECONDS
from ingress.views.ports import ViewReader

#: Between two reads of the view, in seconds.
READ_INTERVAL_SECONDS = 0.02
#: How long a process may still serve a page that it cached before the view changed, in seconds: until it has polled the
#: changes, and reused the page for the last time; the second while it sheds reads.
CACHE_LEASE_SECONDS = max(POLL_INTERVAL_SECONDS, MAX_REUSE_SECONDS) + 0.05
CACHE_LEASE_UNDER_PRESSURE_SECONDS = max(POLL_INTERVAL_SECONDS, MAX_REUSE_UNDER_PRESSURE_SECONDS) + 0.05


async def wait_until_visible(
    views: ViewReader, key: str, field: str, version: int, deadline: float, *, is_under_pressure: bool
) -> bool:
    """Return True once every process shows this version of a view's field, or a later one; False at the deadline.

    Args:
        views: reads the version.
        key: the view's key.
        field: the field of the view.
        version: the version that the change led to.
        deadline: on the loop's clock.
        is_under_pressure: True while processes shed reads.
    """
    loop = asyncio.get_running_loop()
    while not await _shows(views, key, field, version):
        if loop.time() + READ_INTERVAL_SECONDS >= deadline:
            return False
        await asyncio.sleep(READ_INTERVAL_SECONDS)
    await asyncio.sleep(CACHE_LEASE_UNDER_PRESSURE_SECONDS if is_under_pressure else CACHE_LEASE_SECONDS)
    return True


async def _shows(views: ViewReader, key: str, field: str, version: int) -> bool:
    try:
        return await views.field_version(key, field) >= version
    except Unavailable:
        return False
