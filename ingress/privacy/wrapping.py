"""Trees as they are written down: wrapped with a secret of the settings, so that the log alone opens nothing."""

import hashlib
import os

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ingress.privacy.tree import Node, Tree
from schemas import settings

_NONCE_BYTES = 12
_MARK_BYTES = 4

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Node]).decode


class WrongSecretError(Exception):
    """PROMO_PRIVACY_SECRET holds no secret that the keys of personal data were wrapped with."""

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__(
            "the keys of personal data were wrapped with another secret: "
            "give PROMO_PRIVACY_SECRET the one that was used before, behind the new one and a comma"
        )


class Wrapping:
    """Wraps with the first of the secrets, unwraps with any."""

    def __init__(self, secrets: str) -> None:
        """Take the secrets, commas between."""
        keys = [_key(secret) for secret in settings.secrets(secrets)]
        self._ciphers = {_mark(key): AESGCM(key) for key in keys}
        self._current = _mark(keys[0])

    def wrap(self, name: bytes, tree: Tree) -> bytes:
        """Return a tree as it is written down under this name."""
        nonce = os.urandom(_NONCE_BYTES)
        return self._current + nonce + self._ciphers[self._current].encrypt(nonce, _encode(tree.nodes), name)

    def unwrap(self, name: bytes, wrapped: bytes) -> Tree:
        """Return the tree that was written down; raises WrongSecretError."""
        cipher = self._ciphers.get(wrapped[:_MARK_BYTES])
        nonce, sealed = wrapped[_MARK_BYTES:][:_NONCE_BYTES], wrapped[_MARK_BYTES + _NONCE_BYTES :]
        try:
            if cipher is None:
                raise WrongSecretError
            return Tree(_decode(cipher.decrypt(nonce, sealed, name)))
        except (InvalidTag, ValueError):
            raise WrongSecretError from None

    def is_current(self, wrapped: bytes) -> bool:
        """Say whether it was wrapped with the secret that is current."""
        return wrapped.startswith(self._current)


def _key(secret: str) -> bytes:
    return hashlib.blake2b(secret.encode(), digest_size=32, person=b"promo-wrapping").digest()


def _mark(key: bytes) -> bytes:
    """Return by what it is told which secret was used; says nothing of the secret."""
    return hashlib.blake2b(key, digest_size=_MARK_BYTES, person=b"promo-mark").digest()
