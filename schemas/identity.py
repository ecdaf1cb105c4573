"""Identifiers and hashes that every process computes alike (DECISIONS.md, dedup-in-the-stream)."""

import base64
import hashlib
import hmac
import re

from schemas.setting_types import split_secrets

#: An order's id ends with its restaurant's, so that a command finds its restaurant without a view. Ids of older orders
#: have no restaurant.
_ORDER_ID = re.compile(r"o_[a-z2-7]{26}(?:-([A-Za-z0-9_.~-]{1,64}))?")


def _digest(size: int, *parts: str | bytes) -> bytes:
    h = hashlib.blake2b(digest_size=size)
    for part in parts:
        raw = part.encode() if isinstance(part, str) else part
        h.update(len(raw).to_bytes(4, "big"))  # length first: ("a", "bc") differs from ("ab", "c")
        h.update(raw)
    return h.digest()


def order_id(restaurant_id: str, idempotency_key: str) -> str:
    """Return the id of the order that this key creates: `o_`, 26 characters, `-` and the restaurant's id."""
    raw = _digest(16, "order", restaurant_id, idempotency_key)
    return f"o_{base64.b32encode(raw).decode().rstrip('=').lower()}-{restaurant_id}"


def payment_id(order_id: str, created_at: str) -> str:
    """Return the id of the payment of an order that was created at this time: `pay_` and 26 characters.

    An order's id can have a second life once the first is no longer stored; their payments are two.
    """
    raw = _digest(16, "payment", order_id, created_at)
    return f"pay_{base64.b32encode(raw).decode().rstrip('=').lower()}"


def is_order_id(text: str) -> bool:
    """Return True if this has the form of an order's id."""
    return _ORDER_ID.fullmatch(text) is not None


def restaurant_of_order(order_id: str) -> str | None:
    """Return the id of an order's restaurant; None if the order's id does not have it."""
    found = _ORDER_ID.fullmatch(order_id)
    return found[1] if found else None


def key_hash(restaurant_id: str, idempotency_key: str) -> str:
    """Return the hash under which an idempotency key is stored and published; the key itself is not stored."""
    return _digest(16, "key", restaurant_id, idempotency_key).hex()


def partner_customer_id(issuer: str, subject: str) -> str:
    """Return the id of a partner's customer: `p_` and 26 characters."""
    raw = _digest(16, "partner's customer", issuer, subject)
    return f"p_{base64.b32encode(raw).decode().rstrip('=').lower()}"


def cancel_key_hash(order_id: str, idempotency_key: str) -> str:
    """Return the hash of a cancellation's key, which is the order's own: no other order or cancellation shares it."""
    return _digest(16, "cancel key", order_id, idempotency_key).hex()


def fingerprint(canonical_body: bytes) -> str:
    """Return the fingerprint of a request body, or of its part that is not personal, in canonical encoding."""
    return _digest(16, "body", canonical_body).hex()


def webhook_secrets(secrets: str, restaurant_id: str, version: int = 1) -> list[str]:
    """Return the secrets that a restaurant's webhooks are signed with, in the form of Standard Webhooks: `whsec_...`.

    One of this version and one of the version before are derived from each of the comma-separated secrets of the
    setting; the current one comes first. Ingress, which shows them, and egress, which signs with them, thus need no
    common store.
    """
    names = [
        f"webhook:{restaurant_id}" + (f":{number}" if number > 1 else "")
        for number in (version, version - 1)
        if number
    ]
    raw = [
        hmac.digest(key.encode(), name.encode(), "sha256") for key in split_secrets(secrets) for name in names
    ]
    return ["whsec_" + base64.b64encode(digest).decode() for digest in raw]


def holder(request_fingerprint: str) -> str:
    """Return the digest of an order's request that its token carries: it opens the order for that request alone."""
    return base64.urlsafe_b64encode(_digest(12, "holder", request_fingerprint)).decode()


def combine_fingerprints(plain: str, personal: str) -> str:
    """Return the fingerprint of a body from those of its two parts; the personal one is empty once the order is erased."""
    return f"{plain}.{personal}"


def is_same_request(kept: str, given: str) -> bool:
    """Return True if two fingerprints are of one request; if `given` has no personal part, only the plain parts are compared."""
    return kept == given or (given.endswith(".") and kept.startswith(given))
