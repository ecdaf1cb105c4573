"""The menu page: a pure function of the view, the query and the time."""

import math
import unicodedata
from functools import lru_cache
from typing import Annotated, Literal

from msgspec import Meta, Struct

from ingress import cursors
from ingress.cursors import Key
from ingress.pages import DEFAULT_LIMIT, Limit
from ingress.views import MenuView
from schemas import instants, offer
from schemas.catalogue import Stock
from schemas.money import MAX_AMOUNT, Money

Amount = Annotated[int, Meta(ge=0, le=MAX_AMOUNT)]
Order = Literal["sku", "name", "price", "-price"]

#: What the menu is sorted by: that of `sku` never changes, the others do.
_KEY_TYPES: dict[Order, tuple[type, ...]] = {
    "sku": (str,),
    "name": (str, str),
    "price": (int, str),
    "-price": (int, str),
}


class MenuQuery(Struct, frozen=True):
    """What of the menu is asked for."""

    limit: Limit = DEFAULT_LIMIT
    cursor: str | None = None
    category: str | None = None
    q: Annotated[str, Meta(max_length=200)] | None = None
    min_price: Amount | None = None  # centavos, of the price now
    max_price: Amount | None = None
    promo: bool = False
    available: bool = False
    sort: Literal["name", "price", "-price"] | None = None


class Availability(Struct, frozen=True):
    """Whether one can order; count null: unlimited, or not known well enough."""

    state: Literal["available", "limited", "sold_out"]
    count: int | None


class OpenPromotion(Struct, frozen=True):
    """The promotion whose price is shown."""

    id: str
    ends_at: str


class MenuEntry(Struct, frozen=True):
    """One item as customers see it."""

    sku: str
    name: str
    description: str
    category: str
    price: Money
    promo_price: Money | None
    promotion: OpenPromotion | None
    availability: Availability

    @property
    def price_now(self) -> int:
        """The price that an order would pay, in centavos."""
        return (self.promo_price or self.price).amount


class Listing(Struct, frozen=True):
    """What of a menu page does not change by getting older."""

    items: list[MenuEntry]
    next_cursor: str | None


class MenuPage(Listing, frozen=True):
    """The whole page as it is sent: ingress/menus.py puts the age behind the listing's bytes."""

    as_of: str
    degraded: bool


def listing(view: MenuView, query: MenuQuery, now: int, degraded: bool) -> Listing:
    """Return the page at `now` (milliseconds since 1970); raises Problem for a cursor of another query.

    `degraded`: the view is too old for its counts to be shown (README, decision 8).
    """
    order: Order = query.sort or "sku"
    cursor = cursors.read(query.cursor, order, _KEY_TYPES[order])
    entries = [entry for entry in _entries(view, now, degraded) if _asked_for(entry, query)]
    entries.sort(key=lambda entry: _key(entry, order))
    if order == "sku":
        page, following = cursors.cut(entries, lambda entry: _key(entry, order), cursor, query.limit)
    else:
        page, following = cursors.cut_unseen(
            entries, lambda entry: _key(entry, order), lambda entry: entry.sku, cursor, query.limit
        )
    return Listing(list(page), cursors.write(order, following))


def good_until(view: MenuView, now: int) -> float:
    """Return when (milliseconds since 1970) a listing of this view changes by itself: a promotion opens or ends."""
    return min((at for p in view.promotions for at in (p.starts_at, p.ends_at) if at > now), default=math.inf)


def _entries(view: MenuView, now: int, degraded: bool) -> list[MenuEntry]:
    entries = []
    for item in view.items:
        stock = view.stocks.get(item.sku) or Stock(item.sku, version=0)
        offered = offer.of(item, stock, view.promotions, now)
        promotion = offered.promotion
        entries.append(
            MenuEntry(
                sku=item.sku,
                name=item.name,
                description=item.description,
                category=item.category,
                price=item.price,
                promo_price=offered.unit_price if promotion else None,
                promotion=OpenPromotion(promotion.promotion_id, instants.to_text(promotion.ends_at))
                if promotion
                else None,
                availability=_availability(offered.available, degraded),
            )
        )
    return entries


def _availability(available: int | None, degraded: bool) -> Availability:
    sold_out = available is not None and available <= 0
    if degraded:
        return Availability("sold_out" if sold_out else "limited", None)
    return Availability("sold_out", 0) if sold_out else Availability("available", available)


def _asked_for(entry: MenuEntry, query: MenuQuery) -> bool:
    return not (
        (query.category is not None and entry.category != query.category)
        or (query.q is not None and not _mentions(entry, query.q))
        or (query.min_price is not None and entry.price_now < query.min_price)
        or (query.max_price is not None and entry.price_now > query.max_price)
        or (query.promo and entry.promotion is None)
        or (query.available and entry.availability.state == "sold_out")
    )


def _mentions(entry: MenuEntry, words: str) -> bool:
    text = _plain(f"{entry.name} {entry.description}")
    return all(word in text for word in _plain(words).split())


@lru_cache(maxsize=8192)
def _plain(text: str) -> str:
    """Return the text without case and accents: `pao` finds `Pão`."""
    return "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))


def _key(entry: MenuEntry, order: Order) -> Key:
    match order:
        case "sku":
            return (entry.sku,)
        case "name":
            return (_plain(entry.name), entry.sku)
        case "price":
            return (entry.price_now, entry.sku)
        case "-price":
            return (-entry.price_now, entry.sku)
