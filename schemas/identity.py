"""Identifiers that every process computes alike (README, decision 2)."""

import base64
import hashlib


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


def key_hash(restaurant_id: str, idempotency_key: str) -> str:
    """Return the hash under which a key is kept and published; the key itself is not stored."""
    return _digest(16, "key", restaurant_id, idempotency_key).hex()


def cancel_key_hash(restaurant_id: str, order_id: str, idempotency_key: str) -> str:
    """Return the hash of the key of a cancellation: another space than that of orders' keys."""
    return _digest(16, "cancel", restaurant_id, order_id, idempotency_key).hex()


def fingerprint(canonical_body: bytes) -> str:
    """Return the fingerprint of a request body in its canonical encoding."""
    return _digest(16, "body", canonical_body).hex()
