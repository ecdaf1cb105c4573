"""The horizon: until when the views hold all. Pure.

A watermark T, read from partition p, says that all that was asked of p before T is decided and
committed. The views hold it once every fact topic's partition p is projected up to the end that
it had after T was read; only then may readers be told T.
"""

from collections.abc import Mapping

from msgspec import Struct

from egress.positions import Partition


class Aim(Struct, frozen=True):
    """An instant (milliseconds since 1970), and the positions from which on the views hold all before it."""

    as_of: int
    ends: dict[Partition, int]


class Horizon:
    """Keeps the newest watermark heard, and the one aimed at, of each partition."""

    def __init__(self) -> None:
        """Begin with none."""
        self._heard: dict[int, int] = {}
        self._aims: dict[int, Aim] = {}

    def hear(self, partition: int, as_of: int) -> None:
        """Take a watermark."""
        self._heard[partition] = max(as_of, self._heard.get(partition, 0))

    @property
    def wants_ends(self) -> bool:
        """Whether a watermark was heard that nothing is aimed at for; then ask for the ends, and `aim`."""
        return any(partition not in self._aims for partition in self._heard)

    def aim(self, ends: Mapping[Partition, int]) -> None:
        """Aim at what was heard before these ends were asked for."""
        for partition in [p for p in self._heard if p not in self._aims]:
            own = {at: end for at, end in ends.items() if at.number == partition}
            self._aims[partition] = Aim(self._heard.pop(partition), own)

    def reached(self, positions: Mapping[Partition, int]) -> dict[int, Aim]:
        """Return, and let go, the aims that these positions reach."""
        reached = {
            partition: aim
            for partition, aim in self._aims.items()
            if all(positions.get(at, -1) >= end for at, end in aim.ends.items())
        }
        for partition in reached:
            del self._aims[partition]
        return reached
