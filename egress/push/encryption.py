"""A message that only the subscriber's browser can read (RFC 8291)."""

import base64

import http_ece
from cryptography.hazmat.primitives.asymmetric import ec

from egress.notifying.channel import RefusedError
from schemas.notifications import PushSubscription

ENCODING = "aes128gcm"


def encrypt(browser: PushSubscription, body: bytes) -> bytes:
    """Return the body of the request; raises RefusedError where the browser's keys are none."""
    try:
        encrypted: bytes = http_ece.encrypt(
            body,
            private_key=ec.generate_private_key(ec.SECP256R1()),  # one for each message
            dh=_decoded(browser.p256dh),
            auth_secret=_decoded(browser.auth),
            version=ENCODING,
        )
    except ValueError as error:
        raise RefusedError(f"the browser's keys cannot be used: {error}") from error
    return encrypted


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
