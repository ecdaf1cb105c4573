"""The VAPID key pair that identifies us to push services (RFC 8292)."""

import base64

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from schemas.settings import SettingError


def parse_private_key(text: str) -> ec.EllipticCurvePrivateKey:
    """Return the P-256 key of PROMO_VAPID_PRIVATE_KEY, 32 bytes in base64url; raises SettingError."""
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        return ec.derive_private_key(int.from_bytes(raw), ec.SECP256R1())
    except ValueError:  # the message does not quote the key
        raise SettingError("PROMO_VAPID_PRIVATE_KEY: no P-256 key, 32 bytes in base64url") from None


def public_key(private_key: str) -> str:
    """Return the public key as browsers expect it, an uncompressed point in base64url; raises SettingError.

    Return an empty string for an empty private key: then this installation pushes nothing.
    """
    if not private_key:
        return ""
    key = parse_private_key(private_key).public_key()
    point = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return base64.urlsafe_b64encode(point).rstrip(b"=").decode()
