"""Which payments a comparison asks for. Pure."""

from msgspec import Struct

from schemas import timestamps
from schemas.timestamps import EpochMs

#: Read before the window, so that an order at its start has the movements of its payment.
OVERLAP_MS = 3_600_000
#: Read behind a day, so that its orders have the refunds that came later.
AFTERMATH_MS = 24 * 3_600_000
#: Behind every instant.
_NEVER = EpochMs(2**62)


class ReconcileWindow(Struct, frozen=True):
    """Payments that changed from `since` on and were quiet for `grace_ms` at `now`.

    `day`: of these, those of orders that were created in the 24 hours from `since` on.
    """

    since: EpochMs
    now: EpochMs
    grace_ms: int
    reservation_ms: int
    day: bool = False

    @property
    def is_unbounded(self) -> bool:
        """True if everything is read, from the first fact on."""
        return self.since <= 0

    @property
    def read_from(self) -> EpochMs:
        """The instant from which books and facts are read."""
        return EpochMs(max(0, self.since - OVERLAP_MS))

    @property
    def read_until(self) -> EpochMs:
        """The instant until which they are read."""
        return (
            min(self.now, timestamps.add_seconds(self._day_end, AFTERMATH_MS // 1000))
            if self.day
            else self.now
        )

    def bounds(self) -> dict[str, int]:
        """Return the parameters of the store's queries, in milliseconds since 1970."""
        return {
            "read_from": self.read_from,
            "since": self.since,
            "settled": self.read_until - self.grace_ms,
            "expired": self.read_until - self.grace_ms - self.reservation_ms,
            "created_from": self.since if self.day else 0,
            "created_until": self._day_end - 1 if self.day else _NEVER,
        }

    @property
    def _day_end(self) -> EpochMs:
        return EpochMs(self.since + 24 * 3_600_000)
