"""Keyrings of tests, and the records that they are read from."""

from collections.abc import Mapping

from ingress.privacy.keyring import ErasedError, Keyring, UnknownMonthError
from ingress.privacy.months import Month, month_at
from ingress.privacy.wrapping import Wrapping
from schemas.timestamps import wall_clock

SECRET = "secret of the tests"


def new_records(secret: str = SECRET, month: Month | None = None) -> dict[bytes, bytes | None]:
    """Return the records of a new keyring, wrapped: all of its trees, and the keys of this month and the next."""
    return dict(Keyring(Wrapping(secret)).complete(month or month_at(wall_clock())))


def read_keyring(records: Mapping[bytes, bytes | None], secret: str = SECRET) -> Keyring:
    """Return the keyring of a process that reads these records."""
    keyring = Keyring(Wrapping(secret))
    load_records(keyring, records)
    return keyring


def load_records(keyring: Keyring, records: Mapping[bytes, bytes | None]) -> None:
    """Load records into a keyring, as a process does that follows the topic."""
    for name, wrapped in records.items():
        keyring.load(name, wrapped)


def has_month_key(keyring: Keyring, month: Month) -> bool:
    """Return True if data of a month can be opened."""
    try:
        keyring.month_key(month)
    except (ErasedError, UnknownMonthError):
        return False
    return True


def complete_keyring(secret: str = SECRET) -> Keyring:
    """Return a new keyring with all its records."""
    return read_keyring(new_records(secret), secret)
