"""Fingerprints by which a command recognises the administrator's token of a running stack.

The state file holds them in place of the tokens. They are salted and slow to compute (scrypt, RFC 7914), since
a person may have chosen the token.
"""

import hashlib
import secrets
from collections.abc import Iterable

from schemas.setting_types import split_secrets

SALT_BYTES = 16


def fingerprints(tokens: str) -> list[str]:
    """Return a fingerprint of each token; commas separate them, as in PROMO_ADMIN_TOKEN."""
    return [_fingerprint(token, secrets.token_bytes(SALT_BYTES)) for token in split_secrets(tokens)]


def are_accepted(tokens: str, known: Iterable[str]) -> bool:
    """Return True if each of `tokens` has its fingerprint in `known`."""
    salts = {value: bytes.fromhex(value.partition(":")[0]) for value in known}
    return all(
        any(secrets.compare_digest(_fingerprint(token, salt), value) for value, salt in salts.items())
        for token in split_secrets(tokens)
    )


def _fingerprint(token: str, salt: bytes) -> str:
    return f"{salt.hex()}:{hashlib.scrypt(token.encode(), salt=salt, n=2**14, r=8, p=1).hex()}"
