"""VAPID (RFC 8292): a signed token per push service that identifies this installation."""

import time
from collections.abc import Callable

from py_vapid import Vapid02, VapidException

from schemas import vapid
from schemas.settings import SettingError

#: Lifetime of a token, and how long it is reused. Push services reject a lifetime of more than a day.
TOKEN_LIFETIME_SECONDS = 12 * 3_600
TOKEN_REUSE_SECONDS = 6 * 3_600


class VapidSigner:
    """Makes the Authorization header for each push service and caches it.

    Args:
        private_key: the setting, 32 bytes in base64url.
        subject: contact for push services, mailto: or https:.
        now: wall clock, seconds since 1970.

    Raises SettingError if key or subject is invalid.
    """

    def __init__(self, private_key: str, subject: str, now: Callable[[], float] = time.time) -> None:
        self._vapid = Vapid02(vapid.parse_private_key(private_key))
        self._subject = subject
        self._now = now
        self._headers: dict[str, tuple[float, str]] = {}  # by service: end of reuse, header
        try:
            self.authorization("https://push.example")
        except VapidException:
            raise SettingError(
                f"PROMO_VAPID_SUBJECT={subject!r}: must begin with mailto: or https:"
            ) from None

    def authorization(self, service: str) -> str:
        """Return the Authorization header for the push service with this origin."""
        now = self._now()
        reuse_until, header = self._headers.get(service, (0.0, ""))
        if now >= reuse_until:
            claims = {"aud": service, "exp": int(now + TOKEN_LIFETIME_SECONDS), "sub": self._subject}
            header = str(self._vapid.sign(claims)["Authorization"])
            self._headers = {name: cached for name, cached in self._headers.items() if now < cached[0]}
            self._headers[service] = now + TOKEN_REUSE_SECONDS, header
        return header
