"""How many messages a partition may set aside as dead letters, before it stops and waits for a person.

A message that the application rejects by a named error is at fault itself. A defect may be ours: a release that fails
at every order must not empty the backlog into the dead letters.
"""

from collections import deque

from schemas.timestamps import MonotonicSeconds

#: Defects one after the other, with no message handled in between, that are set aside; the next one stops the partition.
MAX_CONSECUTIVE_DEFECTS = 5
#: Defects of one minute that are set aside.
MAX_DEFECTS_PER_MINUTE = 20
#: Rejected messages of one minute that are set aside.
MAX_REJECTIONS_PER_MINUTE = 1_000
MINUTE_SECONDS = 60.0


class PoisonLimit:
    """The dead letters of one partition in the last minute."""

    def __init__(self) -> None:
        self._consecutive_defects = 0
        self._defects: deque[MonotonicSeconds] = deque(maxlen=MAX_DEFECTS_PER_MINUTE)
        self._rejections: deque[tuple[MonotonicSeconds, int]] = deque(maxlen=MAX_REJECTIONS_PER_MINUTE)

    def record_handled(self) -> None:
        """Note that a message was handled: the application works."""
        self._consecutive_defects = 0

    def admit_defect(self, now: MonotonicSeconds) -> bool:
        """Return True if a message at which the application failed may be set aside, and count it."""
        while self._defects and self._defects[0] <= now - MINUTE_SECONDS:
            self._defects.popleft()
        if (
            self._consecutive_defects >= MAX_CONSECUTIVE_DEFECTS
            or len(self._defects) >= MAX_DEFECTS_PER_MINUTE
        ):
            return False
        self._consecutive_defects += 1
        self._defects.append(now)
        return True

    def record_rejections(self, count: int, now: MonotonicSeconds) -> None:
        """Count rejected messages that were set aside."""
        if count:
            self._rejections.append((now, count))

    def rejections_left(self, now: MonotonicSeconds) -> int:
        """Return how many rejected messages may be set aside now."""
        while self._rejections and self._rejections[0][0] <= now - MINUTE_SECONDS:
            self._rejections.popleft()
        return max(0, MAX_REJECTIONS_PER_MINUTE - sum(count for _, count in self._rejections))
