"""Which tokens are valid beyond their signature: those that were issued and not revoked. Pure.

A token that was issued has a record, which stays for a while after the token has ended: it says whom a change that was
published under its id was made by. A token that is valid without a record (`IMPLICIT`) has one once it is revoked.
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
#: Records of all owners, without those of tokens that have ended; each needs about 600 bytes in every ingress process.
MAX_RECORDS = 10_000
#: Records of tokens that have ended, and for how long they are kept, in seconds.
MAX_ENDED, KEEP_ENDED_SECONDS = 2_000, 400 * 86_400
OwnerKind = Literal["restaurant", "admin"]


class TooManyTokensError(Exception):
    """An owner has as many tokens as one may have; revoke some first."""


class UnknownTokenError(Exception):
    """The owner has no such token, or it is revoked or has expired."""


class IssuedToken(Struct, frozen=True, omit_defaults=True):
    """What is stored of a token, never the token itself. `owner` is a restaurant's id or an administrator's name.

    Times are RFC 3339; no `expires_at`: valid until it is revoked.
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

    def ended_at(self, now: EpochSeconds) -> EpochSeconds | None:
        """Return when it was revoked or has expired; None if it is valid now."""
        ends = [timestamps.from_text(at) / 1000 for at in (self.revoked_at, self.expires_at) if at]
        return EpochSeconds(min(ends)) if ends and min(ends) <= now else None


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

    def unneeded(self, now: EpochSeconds) -> list[bytes]:
        """Return the keys of records to delete: of tokens that have ended long ago, the oldest first, or too many of them."""
        ended = self._ended(now)
        surplus = len(ended) - MAX_ENDED
        return [
            key
            for number, (at, key) in enumerate(ended)
            if number < surplus or at + KEEP_ENDED_SECONDS <= now
        ]

    def require_room(self, token: IssuedToken, now: EpochSeconds) -> None:
        """Raise TooManyTokensError if its owner may have no further token."""
        others = [one for one in self._records.values() if one.kind == token.kind and not one.ended_at(now)]
        if token.kind == "restaurant":
            others = [one for one in others if one.owner == token.owner]
        count = len(self._records) - len(self._ended(now))
        if len(others) >= MAX_TOKENS or count >= MAX_RECORDS:
            raise TooManyTokensError(
                f"{len(others)} of {MAX_TOKENS} tokens of this owner, {count} of {MAX_RECORDS} records: revoke some first"
            )

    def revocation(self, kind: OwnerKind, owner: str, token_id: str, at: str) -> IssuedToken:
        """Return the record that revokes a token. Raises UnknownTokenError."""
        record = self._records.get(record_key(kind, owner, token_id))
        if record is None and kind == "restaurant" and token_id in IMPLICIT:
            record = IssuedToken(kind, owner, token_id, "manager")
        if record is None or record.ended_at(EpochSeconds(timestamps.from_text(at) / 1000)):
            raise UnknownTokenError(f"{owner} has no valid token {token_id}")
        return msgspec.structs.replace(record, revoked_at=at)

    def _ended(self, now: EpochSeconds) -> list[tuple[EpochSeconds, bytes]]:
        """Return when tokens that were issued have ended, and their keys; the oldest first.

        Not of implicit tokens: such a record is what keeps its token revoked.
        """
        return sorted(
            (at, key)
            for key, record in self._records.items()
            if record.token_id not in IMPLICIT and (at := record.ended_at(now)) is not None
        )

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
                key, is_implicit = record_key("restaurant", restaurant_id, token_id), token_id in IMPLICIT
            case AdminClaims(name, token_id):
                key, is_implicit = record_key("admin", name, token_id), False
            case _:
                return False
        record = self._records.get(key)
        return not is_implicit if record is None else record.revoked_at is not None
