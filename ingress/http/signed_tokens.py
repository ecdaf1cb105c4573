"""JWTs (RFC 7519), signed with HS256 and one of our secrets, which the header's `kid` names."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

import jwt
from jwt.exceptions import InvalidAudienceError, InvalidTokenError, MissingRequiredClaimError
from jwt.types import Options

from ingress.http.problem_catalogue import TOKEN_ERRORS
from ingress.http.problems import Problem
from schemas.timestamps import EpochSeconds

ALGORITHM = "HS256"
#: Longest token that is read, in characters; ours have up to 400.
MAX_CHARACTERS = 1024
#: Times are compared here, with the clock that the caller gives.
_OPTIONS: Options = {
    "require": ["aud", "sub"],
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
}


def unauthorized(reason: str) -> Problem:
    """Return the problem of a token that is not valid, for this reason (a key of token_errors.json)."""
    challenge = f'Bearer error="invalid_token", error_description="{reason}"'
    return Problem("unauthorized", headers={"WWW-Authenticate": challenge}, detail=TOKEN_ERRORS[reason])


class Signer:
    """Signs with the current secret, verifies with any."""

    def __init__(self, secrets: list[bytes]) -> None:
        """Args:
        secrets: the current one first.
        """
        # derived, so that no token's MAC is one that an earlier release has given out; then the current one wins
        keys = [hashlib.blake2b(secret, digest_size=32, person=b"promo-jwt").digest() for secret in secrets]
        self._keys = {_key_id(key): key for key in reversed(keys)}
        self._current = keys[0]
        self._decoy = hashlib.blake2b(keys[0], digest_size=32, person=b"promo-decoy").digest()

    def sign(self, audience: str, subject: str, claims: Mapping[str, Any]) -> str:
        """Return the token; equal arguments give equal tokens. Claims that are None are left out."""
        given = {name: value for name, value in claims.items() if value is not None}
        payload = {"aud": audience, "sub": subject, **given}
        return jwt.encode(payload, self._current, ALGORITHM, headers={"kid": _key_id(self._current)})

    def verify(self, token: str, audiences: list[str], now: EpochSeconds) -> dict[str, Any]:
        """Return the claims of a token; raises Problem `unauthorized`.

        Each token costs one MAC and one comparison, whatever is wrong with it.
        """
        key, reason = self._find_key(token)
        if key is None:
            text = token[:MAX_CHARACTERS].encode(errors="surrogateescape")
            hmac.compare_digest(hmac.digest(self._decoy, text, "sha256"), bytes(32))
            raise unauthorized(reason)
        try:
            payload: dict[str, Any] = jwt.decode(token, key, [ALGORITHM], _OPTIONS, audience=audiences)
        except (InvalidAudienceError, MissingRequiredClaimError):
            raise unauthorized("wrong audience") from None
        except (InvalidTokenError, RecursionError):
            raise unauthorized("invalid signature") from None
        if _time(payload, "nbf", now) > now:
            raise unauthorized("not yet valid")
        if "exp" in payload and _time(payload, "exp", now) <= now:
            raise unauthorized("expired")
        return payload

    def _find_key(self, token: str) -> tuple[bytes | None, str]:
        """Return the secret that a token names; None and the reason if there is none."""
        try:
            header = jwt.get_unverified_header(token) if len(token) <= MAX_CHARACTERS else {}
        except (InvalidTokenError, RecursionError, UnicodeError):
            header = {}
        if not header:
            return None, "malformed"
        if header.keys() - {"alg", "kid", "typ"} or header["alg"] != ALGORITHM:
            return None, "invalid signature"
        return self._keys.get(header.get("kid", "")), "invalid signature"


def _key_id(key: bytes) -> str:
    digest = hashlib.blake2b(key, digest_size=6, person=b"promo-kid").digest()
    return base64.urlsafe_b64encode(digest).decode()


def _time(payload: Mapping[str, Any], claim: str, default: EpochSeconds) -> float:
    value = payload.get(claim, default)
    if not isinstance(value, int | float):
        raise unauthorized("malformed")
    return value
