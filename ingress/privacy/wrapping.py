"""Records of the keyring: wrapped (AES-GCM) with a secret of the settings, so that the topic alone opens nothing."""

import hashlib
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from schemas import setting_types

_NONCE_BYTES = 12
_SECRET_ID_BYTES = 4


class WrongSecretError(Exception):
    """No secret in PROMO_PRIVACY_SECRET unwraps the keys of personal data."""

    def __init__(self) -> None:
        super().__init__(
            "the keys of personal data were wrapped with another secret: "
            "append a comma and the previous secret to PROMO_PRIVACY_SECRET"
        )


class Wrapping:
    """Wraps with the first secret, unwraps with any."""

    def __init__(self, secrets: str) -> None:
        """`secrets` are the current secret, and earlier ones, separated by commas."""
        keys = [_key(secret) for secret in setting_types.split_secrets(secrets)]
        self._ciphers = {_secret_id(key): AESGCM(key) for key in keys}
        self._current = _secret_id(keys[0])

    def wrap(self, name: bytes, content: bytes) -> bytes:
        """Return the content of a record as it is stored under this name, which is authenticated with it."""
        nonce = os.urandom(_NONCE_BYTES)
        return self._current + nonce + self._ciphers[self._current].encrypt(nonce, content, name)

    def unwrap(self, name: bytes, wrapped: bytes) -> bytes:
        """Return the content that was stored under this name; raises WrongSecretError."""
        cipher = self._ciphers.get(wrapped[:_SECRET_ID_BYTES])
        nonce, sealed = wrapped[_SECRET_ID_BYTES:][:_NONCE_BYTES], wrapped[_SECRET_ID_BYTES + _NONCE_BYTES :]
        try:
            if cipher is None:
                raise WrongSecretError
            return cipher.decrypt(nonce, sealed, name)
        except (InvalidTag, ValueError):
            raise WrongSecretError from None

    def is_current(self, wrapped: bytes) -> bool:
        """Return True if the current secret wraps it."""
        return wrapped.startswith(self._current)


def _key(secret: str) -> bytes:
    return hashlib.blake2b(secret.encode(), digest_size=32, person=b"promo-wrapping").digest()


def _secret_id(key: bytes) -> bytes:
    """Return an id by which a wrapped record names its secret, without revealing it."""
    return hashlib.blake2b(key, digest_size=_SECRET_ID_BYTES, person=b"promo-mark").digest()
