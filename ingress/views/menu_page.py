"""A page of a menu, built from the view, the query and the time. Pure."""

import math
import sys
from collections.abc import Iterable
from functools import partial
from typing import Annotated, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from ingress.http import cursors, query_params
from ingress.http.cursors import Key
from ingress.http.problems import FieldError, invalid
from ingress.http.query_params import DEFAULT_LIMIT, Limit
from ingress.memory.sized_lru import SizedLru
from ingress.views.ports import MenuView
from schemas import pricing, texts, timestamps
from schemas.assurance import Assurance
from schemas.catalogue import Promotion, Stock
from schemas.money import MAX_AMOUNT, Money
from schemas.pricing import Offer
from schemas.timestamps import EpochMs
from schemas.view_keys import Window

Amount = Annotated[int, Meta(ge=0, le=MAX_AMOUNT)]
SearchText = Annotated[str, Meta(max_length=200)]
#: Most different words of a search.
MAX_WORDS = 10
SortOrder = Literal["sku", "name", "price", "-price"]

#: Characters of a name that its sort key has; a cursor holds one, and must fit into a request line.
MAX_SORTED_CHARACTERS = 100
#: Longest query string that is cached, in characters; and what it and its query need at most, in bytes.
MAX_CACHED_LENGTH, QUERY_BYTES = 256, 2_400

#: Types of the sort keys. A sku never changes; names and prices do, so their cursors list the items that were seen.
_KEY_TYPES: dict[SortOrder, tuple[type, ...]] = {
    "sku": (str,),
    "name": (str, str),
    "price": (int, str),
    "-price": (int, str),
}


#: The comparison forms of texts of menus. Those of clients are not among them.
_search_texts: SizedLru[str, str] = SizedLru("search_texts")


class MenuQuery(Struct, frozen=True, cache_hash=True):
    """Filters, sort order and page of a menu."""

    limit: Limit = DEFAULT_LIMIT
    cursor: str | None = None
    category: SearchText | None = None
    q: SearchText | None = None
    min_price: Amount | None = None  # centavos of the current price
    max_price: Amount | None = None
    promo: bool = False
    available: bool = False
    sort: Literal["name", "price", "-price"] | None = None


class Availability(Struct, frozen=True):
    """Whether an item can be ordered; count null: unlimited, or not known exactly."""

    state: Literal["available", "limited", "sold_out"]
    count: int | None


class OpenPromotion(Struct, frozen=True):
    """The promotion whose price is shown."""

    id: str
    ends_at: str
    customer_assurance: Assurance  # what an order of this item must prove


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
    def current_price(self) -> int:
        """The price of an order placed now, in centavos."""
        return (self.promo_price or self.price).amount


class MenuListing(Struct, frozen=True):
    """A menu page without its age."""

    items: list[MenuEntry]
    next_cursor: str | None


class MenuPage(MenuListing, frozen=True):
    """A menu page as it is sent; `as_of` is when it was complete, `degraded` that this is more than 3 s ago."""

    as_of: str
    degraded: bool


#: Frequent query strings, so that they are not parsed again.
_queries: SizedLru[str, MenuQuery] = SizedLru("queries")


def parse_query(query_string: str) -> MenuQuery:
    """Return the query that a query string forms, equal for all spellings of it; raises Problem."""
    found = _queries.get(query_string)
    if found is None:
        found = _canonical(query_params.query(MenuQuery, query_string))
        if len(query_string) <= MAX_CACHED_LENGTH:
            _queries.put_on_second_request(query_string, found, QUERY_BYTES)
    return found


def _canonical(query: MenuQuery) -> MenuQuery:
    return replace(
        query,
        category=texts.comparison_form(query.category or "") or None,
        q=" ".join(sorted(set(texts.comparison_form(query.q or "").split()))) or None,
        min_price=query.min_price or None,
        max_price=None if query.max_price == MAX_AMOUNT else query.max_price,
    )


def build_listing(view: MenuView, query: MenuQuery, now: EpochMs, degraded: bool) -> MenuListing:
    """Return the page at `now`; raises Problem for a cursor of another query, or a search of too many words.

    `degraded`: the view is too old for its counts to be shown (ingress/views/README.md, Staleness).
    """
    order: SortOrder = query.sort or "sku"
    sort_key = partial(_key, order=order)
    cursor = cursors.decode_cursor(query.cursor, order, _KEY_TYPES[order])
    category = texts.comparison_form(query.category or "")
    words = frozenset(texts.comparison_form(query.q or "").split())
    if len(words) > MAX_WORDS:  # each is searched for in the texts of every item
        raise invalid(FieldError("q", "max-words", MAX_WORDS, kind="parameter"))
    entries = [
        entry
        for entry in _entries(view, now, degraded)
        if _matches(entry, query)
        and (not category or _form(entry.category) == category)
        and _has_words(entry, words)
    ]
    entries.sort(key=sort_key)
    if order == "sku":
        page, next_cursor = cursors.page_after(entries, sort_key, cursor, query.limit)
    else:
        page, next_cursor = cursors.page_of_unseen(
            entries, sort_key, lambda entry: entry.sku, cursor, query.limit
        )
    return MenuListing(list(page), cursors.encode_cursor(order, next_cursor))


def valid_until(promotions: Iterable[Promotion | Window], now: EpochMs) -> float:
    """Return when the next promotion opens or ends, in milliseconds since 1970; infinity if none does."""
    return min((at for p in promotions for at in (p.starts_at, p.ends_at) if at > now), default=math.inf)


def _entries(view: MenuView, now: EpochMs, degraded: bool) -> list[MenuEntry]:
    entries = []
    open_promotions = pricing.index_open_promotions(view.promotions, now)
    for item in view.items:
        stock = view.stocks.get(item.sku) or Stock(item.sku, version=0)
        offer = pricing.best_offer(item, stock, open_promotions.get(item.sku, ()))
        entries.append(
            MenuEntry(
                sku=item.sku,
                name=item.name,
                description=item.description,
                category=item.category,
                price=item.price,
                promo_price=offer.unit_price if offer.promotion else None,
                promotion=_open_promotion(offer),
                availability=_availability(offer.available, degraded),
            )
        )
    return entries


def _open_promotion(offer: Offer) -> OpenPromotion | None:
    if offer.promotion is None or offer.promotion_item is None:
        return None
    return OpenPromotion(
        offer.promotion.promotion_id,
        timestamps.to_text(offer.promotion.ends_at),
        offer.promotion.required_assurance(offer.promotion_item),
    )


def _availability(available: int | None, degraded: bool) -> Availability:
    is_sold_out = available is not None and available <= 0
    if degraded:
        return Availability("sold_out" if is_sold_out else "limited", None)
    return Availability("sold_out", 0) if is_sold_out else Availability("available", available)


def _matches(entry: MenuEntry, query: MenuQuery) -> bool:
    return not (
        (query.min_price is not None and entry.current_price < query.min_price)
        or (query.max_price is not None and entry.current_price > query.max_price)
        or (query.promo and entry.promotion is None)
        or (query.available and entry.availability.state == "sold_out")
    )


def _has_words(entry: MenuEntry, words: frozenset[str]) -> bool:
    if not words:
        return True
    name, description = _form(entry.name), _form(entry.description)
    return all(word in name or word in description for word in words)


def _form(text: str) -> str:
    """Return the comparison form of a text of a menu."""
    form = _search_texts.get(text)
    if form is None:
        form = texts.comparison_form(text)
        _search_texts.put(text, form, sys.getsizeof(text) + sys.getsizeof(form))
    return form


def _key(entry: MenuEntry, order: SortOrder) -> Key:
    match order:
        case "sku":
            return (entry.sku,)
        case "name":
            return (_form(entry.name)[:MAX_SORTED_CHARACTERS], entry.sku)
        case "price":
            return (entry.current_price, entry.sku)
        case "-price":
            return (-entry.current_price, entry.sku)
