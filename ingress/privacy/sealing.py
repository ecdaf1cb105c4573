"""Personal data, sealed (AES-GCM) and opened with a key of its order, its month and its customer.

The key is derived (HKDF) from the order's key, its month's key and, if the order has one, its customer's key. To destroy any
of the three is to destroy it. Sealed bytes are a version of four bytes, the month (two bytes), the nonce and the ciphertext.
Version 1 was a nonce and a ciphertext with the order's key alone.
"""

import hashlib
import os
from typing import NamedTuple

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from msgspec import Struct

from ingress.http.problems import Unavailable
from ingress.privacy import months
from ingress.privacy.customer_ids import key_name
from ingress.privacy.keyring import ErasedError, Keyring, UnknownMonthError
from ingress.privacy.months import Month
from schemas import metrics
from schemas.commands import PersonalData
from schemas.timestamps import EpochMs

_NONCE_BYTES = 12
_KEY_BYTES = 32
#: By whether the order has a customer. A nonce of version 1 may begin like this too, once in two thousand million times.
_VERSIONS = {False: b"pd2-", True: b"pd2+"}
_HEADER_BYTES = 6

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(PersonalData).decode


class UndecryptableError(Exception):
    """The keys exist and do not open the data: it was changed, or sealed with the keys of another keyring."""


class Sealed(Struct, frozen=True):
    """Sealed personal data, and its fingerprint; neither, if a key was destroyed.

    `earlier_fingerprint` is what a request of the month before had, as long as its idempotency key may be known.
    `customer_forgotten`: the customer's key was destroyed, so no new order can have this customer.
    """

    personal: bytes | None
    fingerprint: str
    forgotten: bool = False
    earlier_fingerprint: str | None = None
    customer_forgotten: bool = False


class _Keys(NamedTuple):
    """What is derived for the personal data of an order: a key to encrypt with, and another for fingerprints."""

    encryption: bytes
    fingerprint: bytes


def seal(
    keyring: Keyring,
    order_id: str,
    customer_id: str | None,
    personal: PersonalData,
    now: EpochMs,
    key_milliseconds: int,
) -> Sealed:
    """Seal an order's personal data; raises Unavailable.

    `key_milliseconds` is how long an idempotency key is known. Each call draws a nonce, since a request with a reused key may
    have another body (and is rejected for it). The fingerprint is keyed too: without all keys of the order, addresses
    cannot be tried against it.
    """
    if customer_id is not None and keyring.is_person_forgotten(key_name(customer_id)):
        return Sealed(None, "", forgotten=True, customer_forgotten=True)
    month = months.month_at(now)
    plain, nonce = _encode(personal), os.urandom(_NONCE_BYTES)
    try:
        keys = _derive(keyring, order_id, customer_id, month)
    except ErasedError:
        return Sealed(None, "", forgotten=True)
    except UnknownMonthError:
        raise Unavailable from None
    earlier = None
    if months.milliseconds_since_start(now) <= key_milliseconds:
        earlier = _earlier_fingerprint(keyring, order_id, customer_id, Month(month - 1), plain)
    header = _VERSIONS[customer_id is not None] + month.to_bytes(2, "big")
    ciphertext = AESGCM(keys.encryption).encrypt(nonce, plain, header + order_id.encode())
    return Sealed(
        header + nonce + ciphertext, _fingerprint(keys.fingerprint, plain), earlier_fingerprint=earlier
    )


def open_sealed(keyring: Keyring, order_id: str, customer_id: str | None, sealed: bytes) -> PersonalData:
    """Return an order's personal data; raises ErasedError, UndecryptableError, Unavailable."""
    try:
        if sealed.startswith(_VERSIONS[customer_id is not None]):
            return _open(keyring, order_id, customer_id, sealed)
    except (InvalidTag, UnknownMonthError):
        pass  # or it is of version 1, with a nonce that begins so
    try:
        cipher = AESGCM(keyring.order_key(order_id))
        return _decode(cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], order_id.encode()))
    except (InvalidTag, ValueError):
        metrics.unreadable_personal_data.inc()
        raise UndecryptableError from None


def _open(keyring: Keyring, order_id: str, customer_id: str | None, sealed: bytes) -> PersonalData:
    header, rest = sealed[:_HEADER_BYTES], sealed[_HEADER_BYTES:]
    keys = _derive(keyring, order_id, customer_id, Month(int.from_bytes(header[4:], "big")))
    cipher = AESGCM(keys.encryption)
    return _decode(cipher.decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], header + order_id.encode()))


def _derive(keyring: Keyring, order_id: str, customer_id: str | None, month: Month) -> _Keys:
    """Return the keys of an order's data; raises ErasedError, UnknownMonthError, Unavailable."""
    secret = keyring.order_key(order_id) + keyring.month_key(month)
    if customer_id is not None:
        secret += keyring.person_key(key_name(customer_id))
    kdf = HKDF(SHA256(), 2 * _KEY_BYTES, salt=None, info=b"promo personal data 2")
    derived = kdf.derive(secret)
    return _Keys(derived[:_KEY_BYTES], derived[_KEY_BYTES:])


def _earlier_fingerprint(
    keyring: Keyring, order_id: str, customer_id: str | None, month: Month, plain: bytes
) -> str | None:
    """Return the fingerprint of the same data in another month; None if that month's key is not there."""
    try:
        return _fingerprint(_derive(keyring, order_id, customer_id, month).fingerprint, plain)
    except (ErasedError, UnknownMonthError):
        return None


def _fingerprint(key: bytes, plain: bytes) -> str:
    return hashlib.blake2b(plain, key=key, digest_size=16, person=b"promo-personal").hexdigest()
