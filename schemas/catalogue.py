"""The catalogue as state: restaurants, items, stocks and promotions, as facts and views carry them.

Each has a `version` that grows by one with each of its changes (DECISIONS.md, facts-carry-state).
"""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType, field

from schemas.assurance import Assurance, highest
from schemas.commands import PromotionItem
from schemas.money import Money
from schemas.timestamps import EpochMs


class Restaurant(Struct, frozen=True):
    """A restaurant's profile."""

    restaurant_id: str
    name: str
    kitchen_capacity: int
    preparation_timeout_seconds: int
    version: int
    webhook: str | None = None
    webhook_secret_version: int = 1  # of the current secret; the one before is valid too


class Item(Struct, frozen=True):
    """A menu item, without its stock."""

    sku: str
    name: str
    description: str
    category: str
    price: Money
    version: int


def _left(portions: int | None, used: int) -> int | None:
    return None if portions is None else max(0, portions - used)


class Allotment(Struct, frozen=True):
    """Portions of one item set aside for one promotion."""

    portions: int | None = None  # as they were put; None: bounded only by the item's own portions
    reserved: int = 0  # for undecided payments, or sold
    wasted: int = 0
    counted_from: EpochMs = EpochMs(0)  # the promotion's, of the run that it counts

    @property
    def free(self) -> int | None:
        """Portions that may still be reserved; None: unlimited."""
        return _left(self.portions, self.reserved + self.wasted)


class Stock(Struct, frozen=True):
    """Portions of one item, and the allotment that each promotion has of them which is not long over.

    `portions` is what the restaurant put, which may be fewer than are reserved: then a release frees none until
    fewer are reserved than were put (DECISIONS.md, absolute-portions).
    """

    sku: str
    version: int
    #: None: unlimited. Of a home: less what other buckets have, so it may be negative.
    portions: int | None = None
    reserved: int = 0
    wasted: int = 0
    allotments: dict[str, Allotment] = field(default_factory=dict)  # by promotion id
    # orders before it are of an item that was deleted, and have no portions here; unset: there was none
    counted_from: EpochMs | UnsetType = UNSET

    @property
    def free(self) -> int | None:
        """Portions that may still be reserved, those in allotments included; None: unlimited."""
        return _left(self.portions, self.reserved + self.wasted)


class Promotion(Struct, frozen=True):
    """A promotion's items, and its window [starts_at, ends_at) in milliseconds since 1970.

    Facts announce each change of `phase`; decisions use the window alone. Orders before `counted_from` belong to an
    earlier run of the promotion: they count neither in its portions nor in its limits.
    """

    promotion_id: str
    starts_at: EpochMs
    ends_at: EpochMs
    items: list[PromotionItem]
    version: int
    phase: Literal["scheduled", "open", "ended"] = "scheduled"
    customer_assurance: Assurance = "none"
    counted_from: EpochMs = EpochMs(0)

    def phase_at(self, now: EpochMs) -> Literal["scheduled", "open", "ended"]:
        """Return the phase at `now` (milliseconds since 1970)."""
        if now < self.starts_at:
            return "scheduled"
        return "open" if now < self.ends_at else "ended"

    def is_open(self, now: EpochMs) -> bool:
        """Return True if `now` (milliseconds since 1970) lies in the window."""
        return self.starts_at <= now < self.ends_at

    def item(self, sku: str) -> PromotionItem | None:
        """Return the promotion's offer of this sku, or None."""
        return next((i for i in self.items if i.sku == sku), None)

    def required_assurance(self, item: PromotionItem) -> Assurance:
        """Return what an order of this item must prove: a limit per customer needs a customer."""
        return highest(self.customer_assurance, "device" if item.per_customer_limit else "none")
