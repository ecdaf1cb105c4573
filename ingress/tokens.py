"""Bearer tokens: derived from what they open, so that no process has to remember them."""

import base64
import hmac

from multidict import CIMultiDictProxy

from ingress.problems import Problem


class Tokens:
    """Makes and checks tokens under one secret."""

    def __init__(self, secret: str, admin: str) -> None:
        """Take the key of derivation, and the administrator's token (empty: nobody is the administrator)."""
        self._secret = secret.encode()
        self._admin = admin

    def order(self, order_id: str) -> str:
        """Return the token that opens an order."""
        return self._derive("order:" + order_id)

    def restaurant(self, restaurant_id: str) -> str:
        """Return the token that opens a restaurant's own side."""
        return self._derive("restaurant:" + restaurant_id)

    def is_order(self, token: str, order_id: str) -> bool:
        """Say whether the token opens this order."""
        return _same(token, self.order(order_id))

    def is_restaurant(self, token: str, restaurant_id: str) -> bool:
        """Say whether the token opens this restaurant."""
        return _same(token, self.restaurant(restaurant_id))

    def is_admin(self, token: str) -> bool:
        """Say whether the token is the administrator's."""
        return bool(self._admin) and _same(token, self._admin)

    def _derive(self, subject: str) -> str:
        raw = hmac.digest(self._secret, subject.encode(errors="surrogateescape"), "sha256")
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _same(left: str, right: str) -> bool:
    return hmac.compare_digest(left.encode(errors="surrogateescape"), right.encode())


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
