"""Who we are, to push services: a token signed with our key for each service (RFC 8292)."""

import base64
import time
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric import ec
from py_vapid import Vapid02, VapidException

from schemas.settings import SettingError

#: How long a token is good for, and for how long it is used, in seconds; services refuse more than a day.
GOOD_SECONDS = 12 * 3_600
USED_SECONDS = 6 * 3_600


class Signer:
    """Makes the Authorization header for each push service, and keeps it for a while."""

    def __init__(self, private_key: str, subject: str, now: Callable[[], float] = time.time) -> None:
        """Take the key, 32 bytes in base64url, and whom services may write to; raises SettingError."""
        try:
            raw = base64.urlsafe_b64decode(private_key + "=" * (-len(private_key) % 4))
            self._vapid = Vapid02(ec.derive_private_key(int.from_bytes(raw), ec.SECP256R1()))
        except ValueError:
            raise SettingError("PROMO_VAPID_PRIVATE_KEY: no P-256 key, 32 bytes in base64url") from None
        self._subject = subject
        self._now = now
        self._held: dict[str, tuple[float, str]] = {}  # by service: until when it is used, and the header
        try:
            self.authorization("https://push.example")
        except VapidException:
            raise SettingError(f"PROMO_VAPID_SUBJECT={subject!r}: neither mailto: nor https:") from None

    def authorization(self, service: str) -> str:
        """Return the header for a push service, named by its origin."""
        now = self._now()
        until, header = self._held.get(service, (0.0, ""))
        if now >= until:
            claims = {"aud": service, "exp": int(now + GOOD_SECONDS), "sub": self._subject}
            header = str(self._vapid.sign(claims)["Authorization"])
            self._held = {name: held for name, held in self._held.items() if now < held[0]}
            self._held[service] = now + USED_SECONDS, header
        return header
