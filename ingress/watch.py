"""The watch: asks Redis ten times a second what has changed, so that what has not need not be read again.

One small question for all menus, however many are read and however often: its cost does not grow
with the readers. What it hears is in the order of Redis: watermarks first, then changes. So a view
that has not changed by then holds all that the watermark says.
"""

import asyncio
import logging
import time

from ingress.problems import Unavailable
from ingress.views import Reading, Views

log = logging.getLogger(__name__)

#: Between two questions, in seconds.
SECONDS = 0.1
#: How long Redis may take to answer before it counts as away, in seconds.
ANSWER_SECONDS = 1.0
#: The epoch of what must be read again.
NEVER = -1


class Watch:
    """What is known of the views as a whole."""

    def __init__(self, views: Views, partitions: int) -> None:
        """Take the number of partitions: the views are complete when each has a watermark."""
        self._views = views
        self._partitions = range(partitions)
        self._generation = ""
        self._revision = 0
        self._changed: dict[str, int] = {}
        self._as_of = dict.fromkeys(self._partitions, _now())
        self._watermarks: dict[int, int] = {}
        self._well_at = time.monotonic()
        #: Grows when nothing that was read before can be trusted to be current.
        self.epoch = 0
        #: Whether Redis answers, and holds complete views.
        self.well = False

    async def run(self) -> None:
        """Ask until cancelled."""
        while True:
            try:
                await self.ask()
            except Exception:  # what is in Redis may be anything
                log.exception("the views cannot be watched")
                self.well = False
            await asyncio.sleep(SECONDS)

    async def ask(self) -> None:
        """Ask once."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                heard = await self._views.changes(self._generation, self._revision)
        except (Unavailable, TimeoutError):
            self.well = False
            return
        if heard.generation != self._generation or heard.revision < self._revision:
            self.epoch += 1
            self._changed.clear()
        self._generation, self._revision = heard.generation, heard.revision
        self._changed |= heard.views
        self._watermarks = heard.watermarks
        self._as_of |= {at: heard.watermarks[at] for at in self._partitions if at in heard.watermarks}
        self.well = all(partition in heard.watermarks for partition in self._partitions)
        if self.well:
            self._well_at = time.monotonic()

    def is_current(self, epoch: int, revision: int, key: str, also: str) -> bool:
        """Say whether views that were read in this epoch at this revision have not changed, as far as is known."""
        changed = self._changed
        return epoch == self.epoch and changed.get(key, 0) <= revision and (changed.get(also, 0) <= revision)

    def knows(self, reading: Reading) -> bool:
        """Say whether something was read of the generation that is watched."""
        return reading.generation == self._generation

    def as_of(self, partition: int) -> int:
        """Return until when (milliseconds since 1970) current views of a partition hold all; 0: not known."""
        return self._watermarks.get(partition, 0)

    @property
    def generation(self) -> str:
        """Return the generation of views that is watched."""
        return self._generation

    def unwell_seconds(self) -> float:
        """Return for how long Redis has not answered, or has not held complete views."""
        return 0.0 if self.well else time.monotonic() - self._well_at

    def staleness(self, now: int) -> float:
        """Return the age of the oldest partition's views in seconds, by what was known last.

        A partition of which nothing was ever known counts from the start of this process.
        """
        return max(0, now - min(self._as_of.values())) / 1000


def _now() -> int:
    return time.time_ns() // 1_000_000
