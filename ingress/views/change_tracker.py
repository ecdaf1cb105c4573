"""Change tracking: polls Redis ten times a second for the set of changed views, so unchanged ones are not read again.

One small question covers all views, so its cost does not grow with the number of readers. Redis answers it in this
order: watermarks, then changes. A view that is not among the changes is therefore complete up to the watermark.
"""

import asyncio
import logging
import time

from ingress.http.problems import Unavailable
from ingress.views.ports import UNKNOWN_AS_OF, ViewReader, ViewVersion
from schemas.timestamps import EpochMs, Milliseconds, wall_clock

log = logging.getLogger(__name__)

#: Between two polls, in seconds.
POLL_INTERVAL_SECONDS = 0.1
#: Longest wait for an answer before the views count as unavailable, in seconds.
RESPONSE_TIMEOUT_SECONDS = 1.0
#: Age past which a view is shown as degraded (contract).
DEGRADED_AFTER_MS = Milliseconds(3_000)
#: The epoch of a view that must be read again.
NO_EPOCH = -1


class ChangeTracker:
    """Which views are current. README.md has the table of cases that these predicates are the columns of."""

    def __init__(self, views: ViewReader, partitions: int) -> None:
        """Args:
        views: reads the changes.
        partitions: number of partitions; the views are available when each of them has a watermark.
        """
        self._views = views
        self._partitions = range(partitions)
        #: The generation of views that is tracked.
        self.generation = ""
        self._revision = 0
        self._revisions: dict[str, int] = {}  # by key, the revision of the last change in this epoch
        self._watermarks: dict[int, EpochMs] = {}
        self._last_watermarks = dict.fromkeys(self._partitions, wall_clock())  # also of lost generations
        self._last_available_at = time.monotonic()
        #: Grows when all views that were read before may be outdated: other, emptied or restored views.
        self.epoch = 0
        #: True if Redis answers, and the views are complete.
        self.is_available = False

    async def run(self) -> None:
        """Poll until cancelled."""
        while True:
            try:
                await self.poll()
            except Exception:  # Redis may hold anything
                log.exception("poll of view changes failed")
                self.is_available = False
            await asyncio.sleep(POLL_INTERVAL_SECONDS)

    async def poll(self) -> None:
        """Poll once."""
        try:
            async with asyncio.timeout(RESPONSE_TIMEOUT_SECONDS):
                changes = await self._views.changes(self.generation, self._revision)
        except (Unavailable, TimeoutError):
            self.is_available = False
            return
        if changes.generation != self.generation or changes.revision < self._revision:
            self.epoch += 1
            self._revisions.clear()
        self.generation, self._revision = changes.generation, changes.revision
        self._revisions |= changes.revisions
        self._watermarks = changes.watermarks
        known = {
            number: changes.watermarks[number] for number in self._partitions if number in changes.watermarks
        }
        self._last_watermarks |= known
        self.is_available = len(known) == len(self._partitions)
        if self.is_available:
            self._last_available_at = time.monotonic()

    def is_unchanged(self, revision: int, key: str, other_key: str) -> bool:
        """Return True if no change of these keys after this revision, of this epoch, is known."""
        revisions = self._revisions
        return revisions.get(key, 0) <= revision and revisions.get(other_key, 0) <= revision

    def is_same_generation(self, version: ViewVersion) -> bool:
        """Return True if something was read from the generation that is tracked."""
        return version.generation == self.generation

    def as_of(self, partition: int) -> EpochMs:
        """Return the instant up to which current views of a partition are complete."""
        return self._watermarks.get(partition, UNKNOWN_AS_OF)

    def unavailable_seconds(self) -> float:
        """Return for how long the views have been unavailable."""
        return 0.0 if self.is_available else time.monotonic() - self._last_available_at

    def staleness(self, now: EpochMs) -> float:
        """Return the age of the oldest partition's views in seconds, by its last known watermark.

        A partition without any watermark counts from the start of this process.
        """
        return max(0, now - min(self._last_watermarks.values())) / 1000
