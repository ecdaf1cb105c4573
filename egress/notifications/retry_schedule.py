"""When a delivery is attempted again: exponential back-off with full jitter until a deadline. Pure."""

from msgspec import Struct

from schemas.runtime import backoff
from schemas.timestamps import EpochSeconds


class RetrySchedule(Struct, frozen=True):
    """Bounds of the delays: the first, the factor from one to the next, the highest."""

    first_delay_seconds: float = 2.0
    factor: float = 4.0
    max_delay_seconds: float = 1_800.0

    def next_attempt(
        self,
        now: EpochSeconds,
        deadline: EpochSeconds,
        attempt: int,
        random_unit: float,
        min_delay_seconds: float = 0.0,
    ) -> EpochSeconds | None:
        """Return when to try again after attempt 1, 2, ... failed, or None at the deadline.

        The last attempt is made at the deadline, so a recipient that has
        recovered by then gets the delivery.

        Args:
            random_unit: a random number in [0, 1).
            min_delay_seconds: Retry-After of the recipient.
        """
        if now >= deadline:
            return None
        delay = backoff.delay(
            attempt,
            first_seconds=self.first_delay_seconds,
            max_seconds=self.max_delay_seconds,
            factor=self.factor,
            random_unit=random_unit,
        )
        return EpochSeconds(min(now + max(delay, min_delay_seconds), deadline))
