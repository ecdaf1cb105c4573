"""Keyrings of tests."""

from ingress.privacy.keyring import Keyring
from ingress.privacy.wrapping import Wrapping


def whole_keyring(secret: str = "secret of the tests") -> Keyring:
    """Return a keyring with all its trees."""
    keyring = Keyring(Wrapping(secret))
    for name, wrapped in keyring.missing().items():
        keyring.take(name, wrapped)
    return keyring
