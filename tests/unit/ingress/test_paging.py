"""A law of paging: while the menu changes, no item comes twice and no item that stays is skipped."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ingress.views.menu_page import MenuEntry, MenuQuery, build_listing
from schemas.catalogue import Item, Promotion
from schemas.commands import PromotionItem
from schemas.money import Money
from tests.support.ingress.samples import NOW, item, menu, stock

NAMES = ["Pão", "pao de queijo", "Água", "bolo", "Coxinha"]
SKUS = [f"s{n}" for n in range(12)]

skus, prices = st.sampled_from(SKUS), st.integers(1, 5)
changes = st.one_of(
    st.tuples(st.just("put"), skus, prices, st.sampled_from(NAMES)),
    st.tuples(st.just("promote"), skus, prices, st.integers(0, 5)),
    st.tuples(st.just("sell"), skus, st.integers(0, 2)),
    st.tuples(st.just("wait"), st.integers(1, 3)),
)


class Restaurant:
    """A menu that changes while time passes."""

    def __init__(self) -> None:
        self.now = NOW
        self.items: dict[str, Item] = {}
        self.promotions: dict[str, Promotion] = {}
        self.left: dict[str, int] = {}

    def change(self, change: tuple[Any, ...]) -> None:
        match change:
            case "put", sku, price, name:
                self.items[sku] = item(sku, price, name=name)
            case "promote", sku, price, starts_in:
                window = (self.now + starts_in, self.now + starts_in + 2)
                self.promotions[sku] = Promotion(sku, *window, [PromotionItem(sku, Money(price))], 1)
            case "sell", sku, left:
                self.left[sku] = left
            case "wait", milliseconds:
                self.now += milliseconds

    def page(self, query: MenuQuery, degraded: bool = False) -> tuple[list[MenuEntry], str | None]:
        stocks = [stock(sku, left) for sku, left in self.left.items()]
        view = menu(list(self.items.values()), stocks, list(self.promotions.values()))
        listing = build_listing(view, query, self.now, degraded)
        return listing.items, listing.next_cursor

    def matching(self, query: dict[str, Any]) -> set[str]:
        """Return the skus that the query finds now."""
        return {entry.sku for entry in self.page(MenuQuery(**query, limit=100))[0]}


queries = st.fixed_dictionaries(
    {"sort": st.sampled_from([None, "name", "price", "-price"])},
    optional={
        "q": st.just("pao"),
        "max_price": st.integers(2, 5),
        "promo": st.just(True),
        "available": st.just(True),
    },
)


@settings(max_examples=300)
@given(
    st.lists(prices, min_size=4, max_size=len(SKUS)),
    st.lists(changes, max_size=6),
    st.lists(st.lists(changes, min_size=1, max_size=6), min_size=1, max_size=8),
    queries,
    st.integers(1, 3),
)
def test_paging_repeats_and_skips_nothing(
    begun: list[int], before: list[Any], between: list[list[Any]], query: dict[str, Any], limit: int
) -> None:
    """Contract: cursors stay right while the menu changes, in every sort order and with every filter."""
    restaurant = Restaurant()
    for sku, price in zip(SKUS, begun, strict=False):
        restaurant.change(("put", sku, price, NAMES[price % len(NAMES)]))
    for change in before:
        restaurant.change(change)
    throughout, seen, cursor = restaurant.matching(query), [], None
    for changed in [*between, *[[]] * len(SKUS)]:
        throughout &= restaurant.matching(query)
        page, cursor = restaurant.page(MenuQuery(**query, limit=limit, cursor=cursor))
        seen += [entry.sku for entry in page]
        if cursor is None:
            break
        for change in changed:
            restaurant.change(change)
    assert cursor is None
    assert len(seen) == len(set(seen))
    assert set(seen) >= throughout
