"""Keyrings of tests, and the records that they are read from."""

from collections.abc import Mapping

from ingress.privacy.keyring import Keyring
from ingress.privacy.wrapping import Wrapping

SECRET = "secret of the tests"


def new_records(secret: str = SECRET) -> dict[bytes, bytes]:
    """Return the records of a new keyring: all of its trees, wrapped."""
    return Keyring(Wrapping(secret)).trees_to_write()


def read_keyring(records: Mapping[bytes, bytes], secret: str = SECRET) -> Keyring:
    """Return the keyring of a process that reads these records."""
    keyring = Keyring(Wrapping(secret))
    for name, wrapped in records.items():
        keyring.load_tree(name, wrapped)
    return keyring


def complete_keyring(secret: str = SECRET) -> Keyring:
    """Return a new keyring with all its trees."""
    return read_keyring(new_records(secret), secret)
