"""Message encryption for Web Push (RFC 8291): only the browser that subscribed can decrypt a message."""

import base64

import http_ece
from cryptography.hazmat.primitives.asymmetric import ec

from egress.resilience.errors import PermanentError
from schemas.notifications import PushSubscription

ENCODING = "aes128gcm"


def encrypt(subscription: PushSubscription, body: bytes) -> bytes:
    """Return the request body that encrypts `body`; raises PermanentError if the keys of the browser are invalid."""
    try:
        encrypted: bytes = http_ece.encrypt(
            body,
            private_key=ec.generate_private_key(ec.SECP256R1()),  # a new key for each message
            dh=_decode(subscription.p256dh),
            auth_secret=_decode(subscription.auth),
            version=ENCODING,
        )
    except ValueError as error:
        raise PermanentError(f"the browser's keys cannot be used: {error}") from error
    return encrypted


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
