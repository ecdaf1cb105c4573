"""Calendar months in UTC: whose keys are destroyed together. Pure."""

import re
from datetime import UTC, datetime
from typing import NewType

from schemas.timestamps import EpochMs

#: Months since the year 0: 24311 is December 2025.
Month = NewType("Month", int)

_TEXT = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")


def month_at(now: EpochMs) -> Month:
    """Return the month of an instant."""
    moment = datetime.fromtimestamp(now / 1000, UTC)
    return Month(moment.year * 12 + moment.month - 1)


def milliseconds_since_start(now: EpochMs) -> int:
    """Return how long the month of an instant has lasted."""
    moment = datetime.fromtimestamp(now / 1000, UTC)
    return now - int(datetime(moment.year, moment.month, 1, tzinfo=UTC).timestamp() * 1000)


def to_text(month: Month) -> str:
    """Return `2026-01`."""
    return f"{month // 12:04d}-{month % 12 + 1:02d}"


def from_text(text: str) -> Month:
    """Return the month of `2026-01`; raises ValueError."""
    if (match := _TEXT.fullmatch(text)) is None:
        raise ValueError(f"{text!r} is no month: year, hyphen, month, as in 2026-01")
    return Month(int(match[1]) * 12 + int(match[2]) - 1)
