"""The public half of the key that pushes are signed with, as browsers want it."""

import base64

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from schemas.settings import SettingError


def public(private_key: str) -> str:
    """Return the uncompressed point in base64url of a key of 32 bytes in base64url; raises SettingError.

    Empty of an empty one: then nothing is pushed.
    """
    if not private_key:
        return ""
    try:
        raw = base64.urlsafe_b64decode(private_key + "=" * (-len(private_key) % 4))
        key = ec.derive_private_key(int.from_bytes(raw), ec.SECP256R1())
    except ValueError:
        raise SettingError("PROMO_VAPID_PRIVATE_KEY: no P-256 key, 32 bytes in base64url") from None
    point = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return base64.urlsafe_b64encode(point).rstrip(b"=").decode()
