"""Claims: what a valid token says of the client that sends it."""

from typing import Literal

from msgspec import Struct

from schemas.assurance import ProvedAssurance
from schemas.timestamps import EpochSeconds

#: `board` reads what belongs to a restaurant, `manager` also changes it.
RestaurantRole = Literal["board", "manager"]

#: Ids of tokens that are valid without having been issued: a restaurant's first manager token, the one that earlier
#: releases made, and the administrator's of the settings, which is also that administrator's name.
FIRST_TOKEN_ID, LEGACY_TOKEN_ID, SETTINGS_TOKEN_ID = "1", "legacy", "settings"


class OrderClaims(Struct, frozen=True):
    """The client has placed this order, with the request whose digest is `holder`.

    An empty holder opens only orders of earlier releases, which have none. `is_legacy`: so did the token.
    """

    order_id: str
    holder: str
    is_legacy: bool = False


class RestaurantClaims(Struct, frozen=True):
    """The client acts for this restaurant. `expires_at` None: until the token is revoked."""

    restaurant_id: str
    role: RestaurantRole
    token_id: str
    expires_at: EpochSeconds | None = None

    def has_expired(self, now: EpochSeconds) -> bool:
        """Return True if the token is not valid any more at this time."""
        return self.expires_at is not None and self.expires_at <= now

    @property
    def author(self) -> str:
        """The name under which a change is published."""
        return f"restaurant:{self.token_id}"


class CustomerClaims(Struct, frozen=True):
    """The client is this customer."""

    customer_id: str
    assurance: ProvedAssurance


class AdminClaims(Struct, frozen=True):
    """The client is the administrator of this name."""

    name: str
    token_id: str

    @property
    def author(self) -> str:
        """The name under which a change is published."""
        return f"admin:{self.name}"


Claims = OrderClaims | RestaurantClaims | CustomerClaims | AdminClaims
