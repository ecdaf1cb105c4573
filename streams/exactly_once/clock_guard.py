"""A partition's time is that of its records. One wrong clock must not move it by a day, since it never runs backwards.

A record's time leaps if it lies more than a minute ahead of the record before and of the worker's clock. Then the
partition stops until an operator has accepted the leap.
"""

import msgspec
from msgspec import Struct

from schemas.timestamps import EpochMs, to_text

#: How far a record's time may lie ahead of both the record before it and the worker's clock.
MAX_LEAP_MS = 60_000


class ClockLeapError(Exception):
    """A record's time leaps, and no operator has accepted that."""


class LeapAcceptance(Struct, frozen=True):
    """An operator's word that records with the offsets [first_offset, end_offset) may be decided.

    They are decided at their own time, or at the time of the record before if `keep_time`: it was the broker's clock
    that was wrong.
    """

    first_offset: int
    end_offset: int
    keep_time: bool
    reason: str

    def covers(self, offset: int) -> bool:
        """Return True if the record with this offset may be decided."""
        return self.first_offset <= offset < self.end_offset


_decode = msgspec.json.Decoder(LeapAcceptance).decode


def latest_acceptance(values: list[bytes], offset: int) -> LeapAcceptance | None:
    """Return the last one of these encoded acceptances that covers the offset; one that cannot be read counts as none."""
    for value in reversed(values):
        try:
            acceptance = _decode(value)
        except msgspec.DecodeError:
            continue
        if acceptance.covers(offset):
            return acceptance
    return None


def leaps(timestamp: EpochMs, latest: EpochMs, clock: EpochMs) -> bool:
    """Return True if a record's time leaps ahead of the latest time and of the worker's clock."""
    return timestamp > max(latest, clock) + MAX_LEAP_MS


def time_of(
    offset: int, timestamp: EpochMs, latest: EpochMs, clock: EpochMs, acceptance: LeapAcceptance | None
) -> EpochMs:
    """Return the time at which a record is decided; raises ClockLeapError."""
    if leaps(timestamp, latest, clock):
        if acceptance is None or not acceptance.covers(offset):
            raise ClockLeapError(
                f"the record is of {timestamp}, the one before of {to_text(latest)}, and it is {to_text(clock)}"
            )
        if acceptance.keep_time:
            return latest
    return max(latest, timestamp)
