"""Which tokens are valid beyond their signature: those that were issued and not revoked. Pure.

A token that was issued has a record until it is revoked or has expired. A token that is valid without a record
(`IMPLICIT`) has one once it is revoked.
"""

from collections.abc import Mapping
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

IMPLICIT = frozenset({FIRST_TOKEN_ID, LEGACY_TOKEN_ID})
OwnerKind = Literal["restaurant", "admin"]


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


_decode = msgspec.json.Decoder(IssuedToken).decode


def record_key(kind: OwnerKind, owner: str, token_id: str) -> bytes:
    """Return the key of a token's record; neither an id of a restaurant nor a name has a slash."""
    return f"{kind}/{owner}/{token_id}".encode()


class IssuedTokens:
    """The records that this process has read."""

    def __init__(self) -> None:
        self._records: dict[bytes, IssuedToken] = {}

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

    def of(self, kind: OwnerKind, owner: str) -> list[IssuedToken]:
        """Return the records of one owner."""
        return [one for one in self._records.values() if (one.kind, one.owner) == (kind, owner)]

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
