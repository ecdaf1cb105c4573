"""Which tokens are valid beyond their signature: those that were issued and not revoked. Pure.

A token that was issued has a record until it is revoked or has expired. A token that is valid without a record
(`IMPLICIT`) has one once it is revoked.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Literal

import msgspec
from msgspec import Struct

from ingress.http.token_claims import (
    FIRST_TOKEN_ID,
    LEGACY_TOKEN_ID,
    AdminClaims,
    Claims,
    RestaurantClaims,
    RestaurantRole,
)
from schemas import timestamps
from schemas.timestamps import EpochSeconds

IMPLICIT = frozenset({FIRST_TOKEN_ID, LEGACY_TOKEN_ID})
#: Tokens of one restaurant, and of all administrators, that may be issued at once.
MAX_TOKENS = 50
#: Records of all owners; each needs about 600 bytes in every ingress process.
MAX_RECORDS = 10_000
OwnerKind = Literal["restaurant", "admin"]


class TooManyTokensError(Exception):
    """An owner has as many tokens as one may have; revoke some first."""


class UnknownTokenError(Exception):
    """The owner has no such token, or it is revoked or has expired."""


class IssuedToken(Struct, frozen=True, omit_defaults=True):
    """What is stored of a token, never the token itself. `owner` is a restaurant's id or an administrator's name.

    Times are RFC 3339; no `expires_at`: valid until it is revoked. Only an implicit token is kept with `revoked_at`.
    """

    kind: OwnerKind
    owner: str
    token_id: str
    role: RestaurantRole | None = None
    name: str = ""
    issued_at: str | None = None
    expires_at: str | None = None
    revoked_at: str | None = None

    @property
    def key(self) -> bytes:
        """The key of its record."""
        return record_key(self.kind, self.owner, self.token_id)

    def has_expired(self, now: EpochSeconds) -> bool:
        """Return True if it is not valid any more at this time."""
        return self.expires_at is not None and timestamps.from_text(self.expires_at) / 1000 <= now


_decode = msgspec.json.Decoder(IssuedToken).decode


def record_key(kind: OwnerKind, owner: str, token_id: str) -> bytes:
    """Return the key of a token's record; neither an id of a restaurant nor a name has a slash."""
    return f"{kind}/{owner}/{token_id}".encode()


class Watch(Struct, eq=False):
    """What is open with a token, and how it is ended."""

    claims: Claims
    end: Callable[[], None]
    has_ended: bool = False


class IssuedTokens:
    """The records that this process has read."""

    def __init__(self) -> None:
        self._records: dict[bytes, IssuedToken] = {}
        self._watches: set[Watch] = set()

    def replace(self, records: Mapping[bytes, bytes | None]) -> None:
        """Hold these records, as they are in the topic, in place of all others."""
        self._records = {}
        for key, value in records.items():
            self.load(key, value)

    def load(self, key: bytes, value: bytes | None) -> None:
        """Add or replace a record; None deletes it."""
        if value:
            self._records[key] = _decode(value)
        else:
            self._records.pop(key, None)

    def all(self) -> list[IssuedToken]:
        """Return all records."""
        return list(self._records.values())

    def expired(self, now: EpochSeconds) -> list[bytes]:
        """Return the keys of tokens that have expired: their signature says so, and their records are not needed."""
        return [key for key, record in self._records.items() if record.has_expired(now)]

    def require_room(self, token: IssuedToken) -> None:
        """Raise TooManyTokensError if its owner may have no further token."""
        others = [one for one in self._records.values() if one.kind == token.kind and not one.revoked_at]
        if token.kind == "restaurant":
            others = [one for one in others if one.owner == token.owner]
        if len(others) >= MAX_TOKENS or len(self._records) >= MAX_RECORDS:
            raise TooManyTokensError(
                f"{len(others)} of {MAX_TOKENS} tokens of this owner, {len(self._records)} of {MAX_RECORDS} records: revoke some first"
            )

    def revocation(
        self, kind: OwnerKind, owner: str, token_id: str, at: str
    ) -> tuple[bytes, IssuedToken | None]:
        """Return key and record that revoke a token; None deletes the record. Raises UnknownTokenError."""
        key = record_key(kind, owner, token_id)
        if kind == "restaurant" and token_id in IMPLICIT and key not in self._records:
            return key, IssuedToken(kind, owner, token_id, "manager", revoked_at=at)
        if key not in self._records or self._records[key].revoked_at:
            raise UnknownTokenError(f"{owner} has no valid token {token_id}")
        return key, None

    @contextlib.contextmanager
    def watch(self, claims: Claims, end: Callable[[], None]) -> "Iterator[Watch]":
        """Call `end` if a restaurant's token is revoked or expires during the block."""
        watch = Watch(claims, end)
        self._watches.add(watch)
        try:
            yield watch
        finally:
            self._watches.discard(watch)

    def end_refused(self, now: EpochSeconds) -> None:
        """End what is open with a token that is not valid any more."""
        for watch in list(self._watches):
            expires = isinstance(watch.claims, RestaurantClaims) and watch.claims.has_expired(now)
            if expires or self.is_revoked(watch.claims):
                watch.has_ended = True
                watch.end()

    def is_revoked(self, claims: Claims) -> bool:
        """Return True if the token of these claims was revoked, or never issued."""
        match claims:
            case RestaurantClaims(restaurant_id, _, token_id):
                record = self._records.get(record_key("restaurant", restaurant_id, token_id))
                return token_id not in IMPLICIT if record is None else record.revoked_at is not None
            case AdminClaims(name, token_id):
                return record_key("admin", name, token_id) not in self._records
            case _:
                return False
