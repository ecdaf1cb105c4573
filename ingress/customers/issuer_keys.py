"""The public keys of an issuer (RFC 7517): fetched when they are needed, kept for a while, fetched again when rotated."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import jwt
import msgspec

from ingress.http.problems import Unavailable
from schemas.timestamps import MonotonicSeconds, monotonic_clock

log = logging.getLogger(__name__)

#: Algorithms of signatures that are accepted. None of them has a secret that the verifier knows.
ALGORITHMS = ("RS256", "ES256", "EdDSA")
#: Longest key set that is read, in bytes, and keys of it that are kept.
MAX_BYTES, MAX_KEYS = 64 * 1024, 50
#: After which time keys are fetched again, so a removed one ends then; and until when they are used if that fails, in
#: seconds.
FRESH_SECONDS, USABLE_SECONDS = 300, 86_400
#: Time between two fetches, and between two attempts while they fail, in seconds.
MIN_INTERVAL_SECONDS, RETRY_SECONDS = 60, 5
#: Smallest RSA key, in bits.
MIN_RSA_BITS = 2_048


class IssuerKeys:
    """The keys of one issuer, by `kid`."""

    def __init__(
        self,
        issuer: str,
        load: Callable[[], Awaitable[bytes]],
        now: Callable[[], MonotonicSeconds] = monotonic_clock,
        read_version: Callable[[], object] | None = None,
    ) -> None:
        """Args:
        issuer: its name, for the log.
        load: returns the key set as JSON, at most MAX_BYTES; may raise OSError, TimeoutError or ValueError.
        now: the clock.
        read_version: returns what changes whenever the key set does, and costs little; None: there is no such thing.
        """
        self._issuer = issuer
        self._load = load
        self._now = now
        self._read_version = read_version or (lambda: None)
        self._keys: dict[str, jwt.PyJWK] = {}
        self._loaded_at: float | None = None
        self._loaded_version: object = None
        self._tried_version: object = None
        self._next_attempt_at = float(now())
        self._turn = asyncio.Lock()

    async def find(self, kid: str) -> jwt.PyJWK | None:
        """Return the key; None if the issuer has none of this name. Raises Unavailable while that is not known."""
        began_at = self._now()
        if self._is_due(kid):
            async with self._turn:
                if self._is_due(kid):
                    await self._reload()
        if self._loaded_at is None or self._now() - self._loaded_at > USABLE_SECONDS:
            raise Unavailable()
        if kid not in self._keys and not self._is_current(began_at):
            # the issuer may have added it since
            raise Unavailable(max(0.0, self._next_attempt_at - self._now()))
        return self._keys.get(kid)

    def _is_due(self, kid: str) -> bool:
        if self._read_version() != self._tried_version:
            return True
        if self._now() < self._next_attempt_at:
            return False
        return (
            self._loaded_at is None
            or kid not in self._keys
            or self._loaded_version != self._tried_version
            or self._now() - self._loaded_at >= FRESH_SECONDS
        )

    def _is_current(self, instant: MonotonicSeconds) -> bool:
        """Return True if the keys are the issuer's of this instant, or of a later one."""
        has_been_loaded = self._loaded_at is not None and self._loaded_at >= instant
        version = self._read_version()
        return has_been_loaded or (version is not None and version == self._loaded_version)

    async def _reload(self) -> None:
        began_at = self._now()
        self._next_attempt_at = began_at + RETRY_SECONDS
        self._tried_version = self._read_version()
        try:
            keys = read_keys(await self._load())
        except (OSError, TimeoutError, ValueError) as error:
            log.warning("keys of the issuer %s were not loaded: %s", self._issuer, type(error).__name__)
            return
        self._keys, self._loaded_at, self._loaded_version = keys, began_at, self._tried_version
        self._next_attempt_at = self._now() + MIN_INTERVAL_SECONDS


def read_keys(raw: bytes) -> dict[str, jwt.PyJWK]:
    """Return the keys for signatures that we accept, by `kid`; raises ValueError if this is no key set."""
    if len(raw) > MAX_BYTES:
        raise ValueError("too long")
    entries = msgspec.json.decode(raw, type=dict[str, object]).get("keys")
    if not isinstance(entries, list):
        raise ValueError("no keys")
    found = {}
    for entry in entries[:MAX_KEYS]:
        kid = entry.get("kid") if isinstance(entry, dict) else None
        if not isinstance(kid, str) or entry.get("use", "sig") != "sig" or entry.get("kty") == "oct":
            continue
        try:
            key = jwt.PyJWK(entry)
        except (jwt.PyJWTError, ValueError, TypeError, KeyError):
            continue  # of a kind that we do not know
        if key.algorithm_name in ALGORITHMS and getattr(key.key, "key_size", MIN_RSA_BITS) >= _min_bits(key):
            found[kid] = key
    return found


def _min_bits(key: jwt.PyJWK) -> int:
    return MIN_RSA_BITS if key.algorithm_name == "RS256" else 0
