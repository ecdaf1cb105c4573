"""Bearer tokens, derived by HMAC from what they open, so that no process has to store them."""

import base64
import hashlib
import hmac

from multidict import CIMultiDictProxy

from ingress.http.problems import Problem
from schemas import setting_types

_ORDER, _RESTAURANT = "order:", "restaurant:"


class Tokens:
    """Makes tokens with the current secret and accepts those of any secret.

    Tokens are compared by their hashes, in constant time.
    """

    def __init__(self, secrets: str, admin_tokens: str) -> None:
        """Args:
        secrets: the secrets that tokens are derived from, comma-separated, the current one first.
        admin_tokens: the administrator's tokens, comma-separated; empty: there is no administrator.
        """
        self._secrets = [secret.encode() for secret in setting_types.split_secrets(secrets)]
        self._admin_hashes = [_hash(token) for token in setting_types.split_secrets(admin_tokens)]

    def order(self, order_id: str) -> str:
        """Return the token that opens an order."""
        return _derive(self._secrets[0], _ORDER, order_id)

    def restaurant(self, restaurant_id: str) -> str:
        """Return the token that opens what belongs to a restaurant."""
        return _derive(self._secrets[0], _RESTAURANT, restaurant_id)

    def is_order(self, token: str, order_id: str) -> bool:
        """Return True if the token opens this order."""
        return self._opens(token, _ORDER, order_id)

    def is_restaurant(self, token: str, restaurant_id: str) -> bool:
        """Return True if the token opens what belongs to this restaurant."""
        return self._opens(token, _RESTAURANT, restaurant_id)

    def is_admin(self, token: str) -> bool:
        """Return True if the token is the administrator's."""
        return _is_one_of(token, self._admin_hashes)

    def _opens(self, token: str, kind: str, subject: str) -> bool:
        return _is_one_of(token, [_hash(_derive(secret, kind, subject)) for secret in self._secrets])


def bearer(headers: CIMultiDictProxy[str]) -> str:
    """Return the token of the request; raises Problem `unauthorized` if there is none, or more than one."""
    lines = headers.getall("Authorization", ())
    scheme, _, token = lines[0].partition(" ") if len(lines) == 1 else ("", "", "")
    token = token.strip()
    if scheme.lower() != "bearer" or not token or " " in token:
        raise Problem("unauthorized", headers={"WWW-Authenticate": "Bearer"})
    return token


def require(is_allowed: bool) -> None:
    """Raise Problem `forbidden` unless the token gives access."""
    if not is_allowed:
        raise Problem("forbidden")


def _derive(secret: bytes, kind: str, subject: str) -> str:
    raw = hmac.digest(secret, (kind + subject).encode(errors="surrogateescape"), "sha256")
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _hash(token: str) -> bytes:
    """Return what is compared in place of a token: of equal length for all, and revealing no part of one."""
    return hashlib.sha256(token.encode(errors="surrogateescape")).digest()


def _is_one_of(token: str, hashes: list[bytes]) -> bool:
    candidate = _hash(token)
    # compare all of them, so that the time does not reveal which one matched
    return any([hmac.compare_digest(candidate, known) for known in hashes])
