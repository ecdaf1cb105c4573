"""Instants: RFC 3339 in UTC outside, integer milliseconds since 1970 inside."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=1024)  # an order's facts are all of one instant
def to_text(milliseconds: int) -> str:
    """Return `2026-01-01T00:00:00.000Z` for milliseconds since 1970."""
    instant = _EPOCH + timedelta(milliseconds=milliseconds)
    return instant.strftime("%Y-%m-%dT%H:%M:%S.") + f"{milliseconds % 1000:03d}Z"


def to_milliseconds(instant: datetime) -> int:
    """Return milliseconds since 1970 of an aware datetime."""
    return (instant - _EPOCH) // timedelta(milliseconds=1)
