"""Calendar months in UTC: whose keys are destroyed together. Pure."""

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import NewType

from schemas.timestamps import EpochMs
from schemas.topics import HOUR_MS

#: Months since the year 0: 24311 is December 2025.
Month = NewType("Month", int)

_TEXT = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")


def month_at(now: EpochMs) -> Month:
    """Return the month of an instant."""
    return _month_of_hour(now // HOUR_MS)[0]


def milliseconds_since_start(now: EpochMs) -> int:
    """Return how long the month of an instant has lasted."""
    return now - _month_of_hour(now // HOUR_MS)[1]


@lru_cache(maxsize=16)  # every order needs it
def _month_of_hour(hour: int) -> tuple[Month, int]:
    """Return the month of an hour since 1970, and when the month began."""
    moment = datetime.fromtimestamp(hour * 3_600, UTC)
    start = datetime(moment.year, moment.month, 1, tzinfo=UTC)
    return Month(moment.year * 12 + moment.month - 1), int(start.timestamp()) * 1_000


def to_text(month: Month) -> str:
    """Return `2026-01`."""
    return f"{month // 12:04d}-{month % 12 + 1:02d}"


def from_text(text: str) -> Month:
    """Return the month of `2026-01`; raises ValueError."""
    if (match := _TEXT.fullmatch(text)) is None:
        raise ValueError(f"{text!r} is no month: year, hyphen, month, as in 2026-01")
    return Month(int(match[1]) * 12 + int(match[2]) - 1)
