"""The answers to PUT: what is offered from now on."""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from schemas.commands import PromotionItem
from schemas.money import Money


class Offered(Struct, frozen=True, kw_only=True):
    """What was put: its version; where the decision took too long, that it is pending instead."""

    version: int | UnsetType = UNSET
    status: Literal["pending"] | UnsetType = UNSET


class OfferedRestaurant(Offered, frozen=True, kw_only=True):
    """A restaurant's profile, with the restaurant's token."""

    restaurant_id: str
    name: str
    kitchen_capacity: int
    preparation_timeout_seconds: int
    webhook: str | None
    token: str
    webhook_secret: str | UnsetType = UNSET


class OfferedItem(Offered, frozen=True, kw_only=True):
    """A menu item; `portions` is the whole number offered, sold ones included; null: unlimited."""

    restaurant_id: str
    sku: str
    name: str
    description: str
    category: str
    price: Money
    portions: int | None


class OfferedPromotion(Offered, frozen=True, kw_only=True):
    """A promotion; it is open from `starts_at` until just before `ends_at`."""

    restaurant_id: str
    promotion_id: str
    starts_at: str
    ends_at: str
    items: list[PromotionItem]
