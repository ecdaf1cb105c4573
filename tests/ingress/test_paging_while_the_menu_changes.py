"""The law of pages: while the menu changes, no item twice, and none skipped that was there throughout."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ingress.menu_page import MenuEntry, MenuQuery, listing
from schemas.catalogue import Item, Promotion
from schemas.commands import PromotionItem
from schemas.money import Money
from tests.ingress.samples import NOW, item, menu, stock

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
    """A menu that changes, at a time that passes."""

    def __init__(self) -> None:
        self.now = NOW
        self.items: dict[str, Item] = {}
        self.promotions: dict[str, Promotion] = {}
        self.left: dict[str, int] = {}

    def change(self, what: tuple[Any, ...]) -> None:
        match what:
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
        found = listing(view, query, self.now, degraded)
        return found.items, found.next_cursor

    def matching(self, query: dict[str, Any]) -> set[str]:
        """Return all that the query would find now."""
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
def test_no_item_comes_twice_and_none_is_skipped_that_was_there_throughout(
    begun: list[int], before: list[Any], between: list[list[Any]], query: dict[str, Any], limit: int
) -> None:
    """Contract: opaque cursors that stay right while the menu changes, in every order and with every filter."""
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
