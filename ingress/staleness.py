"""How old the views are, as far as is known: also when nobody keeps them, or Redis is away."""

import contextlib
from collections.abc import Mapping

from ingress.problems import Unavailable
from ingress.views import Views


class Staleness:
    """The age of the oldest partition's views."""

    def __init__(self, views: Views, partitions: int, now: int) -> None:
        """Take the number of partitions, and the time (milliseconds since 1970) before which nothing is known."""
        self._views = views
        self._as_of = dict.fromkeys(range(partitions), now)

    async def seconds(self, now: int) -> float:
        """Return the age at `now`; when Redis is away, by what was known last."""
        with contextlib.suppress(Unavailable):
            self._take(await self._views.watermarks())
        return max(0, now - min(self._as_of.values())) / 1000

    def _take(self, watermarks: Mapping[int, int]) -> None:
        self._as_of |= {partition: watermarks[partition] for partition in self._as_of.keys() & watermarks}
