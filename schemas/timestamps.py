"""Types of time, and wall-clock instants as text: RFC 3339 in UTC outside, integer milliseconds inside.

Wall-clock and monotonic times have types of their own, since the difference of the two means nothing.
"""

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NewType, cast

#: A wall-clock instant: milliseconds since 1970-01-01 UTC.
EpochMs = NewType("EpochMs", int)
#: A wall-clock instant in seconds, where a protocol or a library counts in them.
EpochSeconds = NewType("EpochSeconds", float)
#: A duration in milliseconds.
Milliseconds = NewType("Milliseconds", int)
#: A reading of a clock that never runs backwards (time.monotonic, loop.time), in seconds.
MonotonicSeconds = NewType("MonotonicSeconds", float)

#: Returns a reading of time.monotonic. It is that function with its type, since every request reads it three times.
monotonic_clock = cast(Callable[[], MonotonicSeconds], time.monotonic)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RFC3339 = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})[Tt](?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
    r"(?:\.(?P<fraction>[0-9]+))?(?P<offset>[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)
NANOSECONDS_PER_MS = 1_000_000


def wall_clock() -> EpochMs:
    """Return the current wall-clock instant."""
    return EpochMs(time.time_ns() // 1_000_000)


def epoch_clock() -> EpochSeconds:
    """Return the current wall-clock instant in seconds."""
    return EpochSeconds(time.time())


@lru_cache(maxsize=1024)  # all facts of one order share an instant
def to_text(instant: int) -> str:
    """Return `2026-01-01T00:00:00.000Z` for an instant in milliseconds since 1970."""
    moment = _EPOCH + timedelta(milliseconds=instant)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{instant % 1000:03d}Z"


def now_text() -> str:
    """Return the current wall-clock instant as text."""
    return to_text(wall_clock())


def from_text(text: str) -> EpochMs:
    """Return the instant of an RFC 3339 text. Raises ValueError."""
    return to_milliseconds(datetime.fromisoformat(text))


class InstantError(ValueError):
    """A text is not an instant of RFC 3339, for the reason with this code (ingress/http/field_errors.json)."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def parse_rfc3339(text: str) -> int:
    """Return the instant in nanoseconds since 1970, and leave out further digits; raises InstantError.

    Second 60 is an error, since our clocks have no leap seconds.
    """
    parts = _RFC3339.fullmatch(text)
    if parts is None:
        raise InstantError("rfc3339")
    if parts["hour"] > "23" or max(parts["minute"], parts["second"]) > "59":
        raise InstantError("time-of-day")
    clock = f"{parts['hour']}:{parts['minute']}:{parts['second']}"
    offset = "+00:00" if parts["offset"] in "Zz" else parts["offset"]
    try:
        moment = datetime.fromisoformat(f"{parts['date']}T{clock}{offset}")
    except ValueError:
        raise InstantError("rfc3339") from None
    return to_milliseconds(moment) * NANOSECONDS_PER_MS + int((parts["fraction"] or "")[:9].ljust(9, "0"))


def add_seconds(instant: EpochMs, seconds: int) -> EpochMs:
    """Return the instant this many seconds later."""
    return EpochMs(instant + seconds * 1000)


def to_milliseconds(moment: datetime) -> EpochMs:
    """Return the instant of an aware datetime."""
    return EpochMs((moment - _EPOCH) // timedelta(milliseconds=1))
