"""Identifiers that every process computes alike (README, decision 2)."""

import base64
import hashlib
import hmac
import re

_ORDER_ID = re.compile(r"o_[a-z2-7]{26}")


def _digest(size: int, *parts: str | bytes) -> bytes:
    h = hashlib.blake2b(digest_size=size)
    for part in parts:
        raw = part.encode() if isinstance(part, str) else part
        h.update(len(raw).to_bytes(4, "big"))  # length first: ("a", "bc") differs from ("ab", "c")
        h.update(raw)
    return h.digest()


def order_id(restaurant_id: str, idempotency_key: str) -> str:
    """Return the id of the order that this key makes at this restaurant: `o_` and 26 characters."""
    raw = _digest(16, "order", restaurant_id, idempotency_key)
    return "o_" + base64.b32encode(raw).decode().rstrip("=").lower()


def is_order_id(text: str) -> bool:
    """Say whether this can be an order's id."""
    return _ORDER_ID.fullmatch(text) is not None


def key_hash(restaurant_id: str, idempotency_key: str) -> str:
    """Return the hash under which a key is kept and published; the key itself is not stored."""
    return _digest(16, "key", restaurant_id, idempotency_key).hex()


def cancel_key_hash(restaurant_id: str, order_id: str, idempotency_key: str) -> str:
    """Return the hash of the key of a cancellation: another space than that of orders' keys."""
    return _digest(16, "cancel", restaurant_id, order_id, idempotency_key).hex()


def fingerprint(canonical_body: bytes) -> str:
    """Return the fingerprint of a request body, or of the part of it that is not personal, in its canonical encoding."""
    return _digest(16, "body", canonical_body).hex()


def webhook_secrets(token_secrets: str, restaurant_id: str) -> list[str]:
    """Return the secrets that a restaurant's webhooks are signed with, as Standard Webhooks writes them: `whsec_...`.

    Derived, like tokens, so that who shows them and who signs with them need not share a store. One for
    each of the secrets, commas between; the first is the current one.
    """
    subject = b"webhook:" + restaurant_id.encode()
    keys = [secret for part in token_secrets.split(",") if (secret := part.strip())]
    raw = [hmac.digest(key.encode(), subject, "sha256") for key in keys]
    return ["whsec_" + base64.b64encode(digest).decode() for digest in raw]


def whole_fingerprint(plain: str, personal: str) -> str:
    """Return the fingerprint of a body of which a part is personal; that part's is empty once it is forgotten."""
    return f"{plain}.{personal}"


def is_same_request(kept: str, given: str) -> bool:
    """Say whether two fingerprints are of one request; who has forgotten the personal part goes by the rest."""
    return kept == given or (given.endswith(".") and kept.startswith(given))
