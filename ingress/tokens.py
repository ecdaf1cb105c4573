"""Bearer tokens: derived from what they open, so that no process has to remember them."""

import base64
import hashlib
import hmac

from multidict import CIMultiDictProxy

from ingress.problems import Problem
from schemas import settings


class Tokens:
    """Makes tokens under the current secret, and checks them under any; compared by their hashes, in constant time."""

    def __init__(self, secrets: str, admins: str) -> None:
        """Take the secrets of derivation and the administrator's tokens (none: nobody is), commas between.

        The first secret makes tokens; while a second one is given, what it made still opens.
        """
        self._secrets = [secret.encode() for secret in settings.secrets(secrets)]
        self._admins = [_hash(token) for token in settings.secrets(admins)]

    def order(self, order_id: str) -> str:
        """Return the token that opens an order."""
        return _derive(self._secrets[0], _ORDER, order_id)

    def restaurant(self, restaurant_id: str) -> str:
        """Return the token that opens a restaurant's own side."""
        return _derive(self._secrets[0], _RESTAURANT, restaurant_id)

    def is_order(self, token: str, order_id: str) -> bool:
        """Say whether the token opens this order."""
        return self._opens(token, _ORDER, order_id)

    def is_restaurant(self, token: str, restaurant_id: str) -> bool:
        """Say whether the token opens this restaurant."""
        return self._opens(token, _RESTAURANT, restaurant_id)

    def is_admin(self, token: str) -> bool:
        """Say whether the token is the administrator's."""
        return _is_one_of(token, self._admins)

    def _opens(self, token: str, kind: str, subject: str) -> bool:
        return _is_one_of(token, [_hash(_derive(secret, kind, subject)) for secret in self._secrets])


_ORDER, _RESTAURANT = "order:", "restaurant:"


def _derive(secret: bytes, kind: str, subject: str) -> str:
    raw = hmac.digest(secret, (kind + subject).encode(errors="surrogateescape"), "sha256")
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _hash(token: str) -> bytes:
    """Return what is compared in place of a token: as long as any other, and without any of its beginning."""
    return hashlib.sha256(token.encode(errors="surrogateescape")).digest()


def _is_one_of(token: str, hashes: list[bytes]) -> bool:
    given = _hash(token)
    return any([hmac.compare_digest(given, known) for known in hashes])  # all of them, whichever it is


def bearer(headers: CIMultiDictProxy[str]) -> str:
    """Return the token that the request brings; raises Problem."""
    scheme, _, token = headers.get("Authorization", "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token or " " in token:
        raise Problem("unauthorized", headers={"WWW-Authenticate": "Bearer"})
    return token


def require(allowed: bool) -> None:
    """Refuse a token that does not open what it was sent for; raises Problem."""
    if not allowed:
        raise Problem("forbidden")
