"""Our bearer tokens: made of what they open, so that no process has to store them, and read back as claims."""

import base64
import hashlib
import hmac
from collections.abc import Callable
from typing import Any

from multidict import CIMultiDictProxy

from ingress.http.issued_tokens import IssuedTokens
from ingress.http.problems import Problem
from ingress.http.signed_tokens import Signer, unauthorized
from ingress.http.token_claims import (
    FIRST_TOKEN_ID,
    LEGACY_TOKEN_ID,
    SETTINGS_TOKEN_ID,
    AdminClaims,
    Claims,
    CustomerClaims,
    OrderClaims,
    RestaurantClaims,
    RestaurantRole,
)
from schemas import setting_types, timestamps
from schemas.assurance import ProvedAssurance
from schemas.timestamps import EpochSeconds, epoch_clock

#: How long an order's token is valid after the order's creation, in seconds.
ORDER_SECONDS = 30 * 86_400
ORDER, RESTAURANT, CUSTOMER, ADMIN = "order", "restaurant", "customer", "admin"
AUDIENCES = [ORDER, RESTAURANT, CUSTOMER, ADMIN]


class Tokens:
    """Makes tokens with the current secret and accepts those of any secret."""

    def __init__(
        self,
        secrets: str,
        admin_tokens: str,
        issued: IssuedTokens | None = None,
        now: Callable[[], EpochSeconds] = epoch_clock,
    ) -> None:
        """Args:
        secrets: the secrets that tokens are signed with, comma-separated, the current one first.
        admin_tokens: tokens of the administrator `settings`, comma-separated; empty: there is none.
        issued: which tokens were issued and revoked.
        now: the wall clock.
        """
        self.issued = issued or IssuedTokens()
        self._secrets = [secret.encode() for secret in setting_types.split_secrets(secrets)]
        self._signer = Signer(self._secrets)
        self._admin_hashes = [_hash(token) for token in setting_types.split_secrets(admin_tokens)]
        self._now = now

    def order(self, order_id: str, holder: str = "", created_at: str = "") -> str:
        """Return the token that opens an order, for 30 days.

        Args:
            order_id: the order.
            holder: the digest of the request that placed it; empty for an order of an earlier release.
            created_at: when it was created, RFC 3339; empty: now.
        """
        created = timestamps.from_text(created_at) // 1000 if created_at else int(self._now())
        return self._signer.sign(ORDER, order_id, {"hld": holder or None, "exp": created + ORDER_SECONDS})

    def restaurant(
        self,
        restaurant_id: str,
        role: RestaurantRole = "manager",
        token_id: str = FIRST_TOKEN_ID,
        expires_at: int | None = None,
    ) -> str:
        """Return a token of a restaurant; `expires_at` is in seconds since 1970, None: until it is revoked."""
        claims = {"role": role, "jti": token_id, "exp": expires_at}
        return self._signer.sign(RESTAURANT, restaurant_id, claims)

    def customer(self, customer_id: str, assurance: ProvedAssurance, expires_at: int | None = None) -> str:
        """Return a customer's token; `expires_at` is in seconds since 1970, None: it does not expire."""
        return self._signer.sign(CUSTOMER, customer_id, {"asr": assurance, "exp": expires_at})

    def admin(self, name: str, token_id: str, expires_at: int | None = None) -> str:
        """Return a token of the administrator of this name, which is valid once it is among the issued ones."""
        return self._signer.sign(ADMIN, name, {"jti": token_id, "exp": expires_at})

    def read(self, token: str, *, order_id: str | None = None, restaurant_id: str | None = None) -> Claims:
        """Return what a valid token says; raises Problem `unauthorized` with the reason.

        The same work is done for every token, so that its time does not reveal what is wrong with it.

        Args:
            token: the token as it was sent.
            order_id: the order of the request, which a token of an earlier release may open.
            restaurant_id: the restaurant of the request, or of its order, likewise.
        """
        is_settings_admin = _is_one_of(token, self._admin_hashes)
        is_order = order_id is not None and self._is_legacy(token, ORDER, order_id)
        is_restaurant = restaurant_id is not None and self._is_legacy(token, RESTAURANT, restaurant_id)
        claims: Claims
        try:
            claims = _claims(self._signer.verify(token, AUDIENCES, self._now()))
        except Problem:
            if is_settings_admin:
                return AdminClaims(SETTINGS_TOKEN_ID, SETTINGS_TOKEN_ID)
            if order_id is not None and is_order:
                return OrderClaims(order_id, "", is_legacy=True)
            if restaurant_id is None or not is_restaurant:
                raise
            claims = RestaurantClaims(restaurant_id, "manager", LEGACY_TOKEN_ID)
        if self.issued.is_revoked(claims):
            raise unauthorized("revoked")
        return claims

    def has_first_token(self, restaurant_id: str) -> bool:
        """Return True unless the restaurant's first manager token was revoked."""
        return not self.issued.is_revoked(RestaurantClaims(restaurant_id, "manager", FIRST_TOKEN_ID))

    def is_over(self, created_at: str) -> bool:
        """Return True if the tokens of an order that was created then (RFC 3339) have expired."""
        return timestamps.from_text(created_at) / 1000 + ORDER_SECONDS <= self._now()

    def _is_legacy(self, token: str, kind: str, subject: str) -> bool:
        """Return True if an earlier release has made this token, the HMAC of what it opens."""
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


def _claims(payload: dict[str, Any]) -> Claims:
    subject = payload["sub"]
    match payload["aud"]:
        case "order":
            return OrderClaims(subject, payload.get("hld", ""))
        case "restaurant":
            return RestaurantClaims(subject, payload["role"], payload["jti"], payload.get("exp"))
        case "customer":
            return CustomerClaims(subject, payload["asr"])
        case "admin":
            return AdminClaims(subject, payload["jti"])
    raise unauthorized("wrong audience")


def _derive(secret: bytes, kind: str, subject: str) -> str:
    raw = hmac.digest(secret, f"{kind}:{subject}".encode(errors="surrogateescape"), "sha256")
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _hash(token: str) -> bytes:
    """Return what is compared in place of a token: of equal length for all, and revealing no part of one."""
    return hashlib.sha256(token.encode(errors="surrogateescape")).digest()


def _is_one_of(token: str, hashes: list[bytes]) -> bool:
    candidate = _hash(token)
    # compare all of them, so that the time does not reveal which one matched
    return any([hmac.compare_digest(candidate, known) for known in hashes])
