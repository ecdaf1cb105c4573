"""Personal data, sealed (AES-GCM) and opened with an order's key."""

import hashlib
import os

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Struct

from ingress.privacy.keyring import ErasedError, Keyring
from schemas.commands import PersonalData

_NONCE_BYTES = 12

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(PersonalData).decode


class Sealed(Struct, frozen=True):
    """Sealed personal data, and its fingerprint; neither, if the order's key was destroyed."""

    personal: bytes | None
    fingerprint: str
    forgotten: bool = False


def seal(keyring: Keyring, order_id: str, personal: PersonalData) -> Sealed:
    """Seal an order's personal data; raises Unavailable.

    Each call draws a nonce, since a request with a reused key may have another body (and is rejected for it). The
    fingerprint is keyed too: without the order's key, addresses cannot be tried against it.
    """
    try:
        key = keyring.key(order_id)
    except ErasedError:
        return Sealed(None, "", forgotten=True)
    plain, nonce = _encode(personal), os.urandom(_NONCE_BYTES)
    fingerprint = hashlib.blake2b(plain, key=key, digest_size=16, person=b"promo-personal").hexdigest()
    return Sealed(nonce + AESGCM(key).encrypt(nonce, plain, order_id.encode()), fingerprint)


def open_sealed(keyring: Keyring, order_id: str, sealed: bytes) -> PersonalData:
    """Return an order's personal data; raises ErasedError, Unavailable."""
    cipher = AESGCM(keyring.key(order_id))
    try:
        return _decode(cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], order_id.encode()))
    except InvalidTag:  # sealed with the key of a keyring that was lost
        raise ErasedError from None
