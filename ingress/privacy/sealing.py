"""Personal data sealed and opened, with an order's key."""

import hashlib
import os

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Struct

from ingress.privacy.keyring import Forgotten, Keyring
from schemas.commands import Personal

_NONCE_BYTES = 12

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Personal).decode


class Sealed(Struct, frozen=True):
    """Personal data as it is written, and its fingerprint; neither, where the order was forgotten."""

    personal: bytes | None
    fingerprint: str
    forgotten: bool = False


def seal(keyring: Keyring, order_id: str, personal: Personal) -> Sealed:
    """Seal an order's personal data; raises Unavailable.

    Each time under a nonce of its own, since a key may be used again with another body (which is refused).
    The fingerprint is made with the order's key too: nobody else can try addresses on it, and nobody at all
    once the order is forgotten.
    """
    try:
        key = keyring.key(order_id)
    except Forgotten:
        return Sealed(None, "", forgotten=True)
    plain, nonce = _encode(personal), os.urandom(_NONCE_BYTES)
    fingerprint = hashlib.blake2b(plain, key=key, digest_size=16, person=b"promo-personal").hexdigest()
    return Sealed(nonce + AESGCM(key).encrypt(nonce, plain, order_id.encode()), fingerprint)


def open_sealed(keyring: Keyring, order_id: str, sealed: bytes) -> Personal:
    """Return an order's personal data; raises Forgotten, Unavailable."""
    cipher = AESGCM(keyring.key(order_id))
    try:
        return _decode(cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], order_id.encode()))
    except InvalidTag:  # sealed with a key of a keyring that is lost
        raise Forgotten from None
