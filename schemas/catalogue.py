"""The catalogue as state: what facts and views carry of a restaurant, an item, a stock, a promotion.

Each has a `version` that grows by one with each change of that thing (README, decision 5).
"""

from typing import Literal

from msgspec import Struct, field

from schemas.commands import PromotionItem
from schemas.money import Money


class Restaurant(Struct, frozen=True):
    """A restaurant's profile."""

    restaurant_id: str
    name: str
    kitchen_capacity: int
    preparation_timeout_seconds: int
    version: int
    webhook: str | None = None


class Item(Struct, frozen=True):
    """A menu item, without its stock."""

    sku: str
    name: str
    description: str
    category: str
    price: Money
    version: int


class Allotment(Struct, frozen=True):
    """Portions of one item set aside for one promotion."""

    portions: int | None = None  # None: bounded only by the item's own portions
    reserved: int = 0  # held for undecided payments, or sold
    wasted: int = 0

    @property
    def free(self) -> int | None:
        """Portions that may still be reserved; None: unlimited."""
        return None if self.portions is None else self.portions - self.reserved - self.wasted


class Stock(Struct, frozen=True):
    """Portions of one item: its own, and each promotion's allotment within them."""

    sku: str
    version: int
    portions: int | None = None  # None: unlimited
    reserved: int = 0
    wasted: int = 0
    allotments: dict[str, Allotment] = field(default_factory=dict)  # by promotion id

    @property
    def free(self) -> int | None:
        """Portions that may still be reserved, promotions aside; None: unlimited."""
        return None if self.portions is None else self.portions - self.reserved - self.wasted


class Promotion(Struct, frozen=True):
    """A promotion's window [starts_at, ends_at), milliseconds since 1970, and its items.

    `phase` is told by a fact of its own when the window opens and closes; what holds is the window.
    """

    promotion_id: str
    starts_at: int
    ends_at: int
    items: list[PromotionItem]
    version: int
    phase: Literal["scheduled", "open", "ended"] = "scheduled"

    def phase_at(self, now: int) -> Literal["scheduled", "open", "ended"]:
        """Return the phase at `now` (milliseconds since 1970)."""
        if now < self.starts_at:
            return "scheduled"
        return "open" if now < self.ends_at else "ended"

    def is_open(self, now: int) -> bool:
        """Say whether `now` (milliseconds since 1970) lies in the window."""
        return self.starts_at <= now < self.ends_at

    def item(self, sku: str) -> PromotionItem | None:
        """Return what is offered of this sku, if anything."""
        return next((i for i in self.items if i.sku == sku), None)
