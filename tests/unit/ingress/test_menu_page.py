"""The menu page."""

import math
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ingress.http.problems import FieldError, Problem
from ingress.views.menu_page import Availability, MenuEntry, MenuQuery, build_listing, valid_until
from ingress.views.ports import MenuView
from schemas.commands import PromotionItem
from schemas.money import Money
from tests.support.ingress.samples import NOW, item, menu, promotion, stock

MENU = menu(
    [
        item("pao", 500, name="Pão de queijo", category="salgado"),
        item("agua", 300, name="Água", category="bebida"),
        item("coxinha", 900, name="Coxinha", description="de frango", category="salgado"),
        item("bolo", 500, name="bolo", category="doce"),
    ],
    [stock("pao", 10, 3), stock("coxinha", 100, 0, p1=5), stock("bolo", 2, 2)],
    [promotion("p1", coxinha=400), promotion("later", starts_in=1000, pao=1)],
)


def entries(view: MenuView = MENU, now: int = NOW, **query: Any) -> list[MenuEntry]:
    return build_listing(view, MenuQuery(**query), now, degraded=False).items


def skus(**query: Any) -> list[str]:
    return [entry.sku for entry in entries(**query)]


def entry(sku: str, view: MenuView = MENU, now: int = NOW) -> MenuEntry:
    return next(e for e in entries(view, now) if e.sku == sku)


def test_default_order_is_by_sku() -> None:
    """Paging needs an order that does not change by itself."""
    assert skus() == ["agua", "bolo", "coxinha", "pao"]


def test_open_promotion_shows_price_and_portions() -> None:
    """Contract: promo_price, promotion id and ends_at, and the portions left at that price."""
    shown = entry("coxinha")
    assert shown.price == Money(900) and shown.promo_price == Money(400)
    assert shown.promotion is not None and shown.promotion.id == "p1"
    assert shown.promotion.ends_at == "2026-01-01T12:01:00.000Z"
    assert shown.availability == Availability("available", 5)


def test_closed_promotion_is_not_shown() -> None:
    """Before it starts and from its end on, the normal price holds."""
    for now in (NOW - 2000, NOW + 60_000):
        shown = entry("coxinha", now=now)
        assert shown.promo_price is None and shown.promotion is None
    assert entry("pao").promo_price is None and entry("pao", now=NOW + 1000).promo_price == Money(1)


def test_sold_out_promotion_falls_to_the_next_offer() -> None:
    """The page shows the offer that an order would get: next price, its promotion, its portions."""
    dear, cheap = promotion("p1", x=800), promotion("p2", x=700)
    back = replace(dear, items=[replace(dear.items[0], when_sold_out="regular_price")])
    shown = entry("x", menu([item("x")], [stock("x", 10, p1=3, p2=0)], [dear, cheap]))
    assert (shown.promo_price, shown.promotion.id, shown.availability.count) == (Money(800), "p1", 3)
    none_left = [stock("x", 10, p1=0, p2=0)]
    shown = entry("x", menu([item("x")], none_left, [dear, cheap]))
    assert (shown.promo_price, shown.availability.state) == (Money(800), "sold_out")
    shown = entry("x", menu([item("x")], none_left, [back, cheap]))
    assert (shown.promo_price, shown.promotion, shown.availability.count) == (None, None, 10)


class CountedItems(list[PromotionItem]):
    """Items of a promotion, which count how often they are searched."""

    passes = 0

    def __iter__(self) -> Iterator[PromotionItem]:
        self.passes += 1
        return super().__iter__()

    def __reversed__(self) -> Iterator[PromotionItem]:
        self.passes += 1
        return super().__reversed__()


def test_page_reads_each_open_promotion_once() -> None:
    """And no other one: the largest menu has 200 items, and as many in each of 50 promotions."""
    prices = {f"s{n:03}": 100 for n in range(200)}
    promotions = [promotion(f"p{n:02}", **prices) for n in range(20)]
    promotions += [promotion(f"later{n:02}", starts_in=1_000, **prices) for n in range(30)]
    counted = [replace(one, items=CountedItems(one.items)) for one in promotions]
    view = menu([item(sku) for sku in prices], promotions=counted)
    shown = entries(view, limit=100)
    assert len(shown) == 100 and {one.promotion.id for one in shown if one.promotion} == {"p00"}
    assert [one.items.passes for one in counted] == [1] * 20 + [0] * 30


def test_promotion_that_is_no_cheaper_is_not_shown() -> None:
    """A promotion of an earlier release may cost more, or the item's price was lowered since."""
    for price in (700, 600):
        shown = entry("x", menu([item("x", price)], [stock("x", 10, p1=3)], [promotion("p1", x=700)]))
        assert (shown.promo_price, shown.promotion, shown.availability.count) == (None, None, 10)


def test_availability_states() -> None:
    """Contract: `availability.state` is `available`, `limited` or `sold_out`; an unlimited item has no count."""
    assert entry("bolo").availability == Availability("sold_out", 0)
    assert entry("agua").availability == Availability("available", None)
    assert entry("pao").availability == Availability("available", 7)


def test_oversubscribed_item_is_sold_out() -> None:
    """Portions may be lowered below the number sold; a count is never negative."""
    assert entry("x", menu([item("x")], [stock("x", 2, 5)])).availability == Availability("sold_out", 0)


def test_degraded_page_shows_no_counts() -> None:
    """Contract: `count` is null and anything that is not surely sold out is `limited`."""
    states = {e.sku: e.availability for e in build_listing(MENU, MenuQuery(), NOW, degraded=True).items}
    assert states["agua"] == states["pao"] == Availability("limited", None)
    assert states["bolo"] == Availability("sold_out", None)


def test_listing_is_valid_until_promotion_changes() -> None:
    """A cached page must not show a price that is no longer offered."""
    assert valid_until(MENU.promotions, NOW) == NOW + 1000
    assert valid_until(MENU.promotions, NOW + 1000) == NOW + 60_000
    assert valid_until(MENU.promotions, NOW + 60_000) == math.inf


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"category": "salgado"}, ["coxinha", "pao"]),
        ({"category": "SALGADO"}, ["coxinha", "pao"]),
        ({"category": " 𝗦𝗮𝗹𝗴𝗮𝗱𝗼"}, ["coxinha", "pao"]),
        ({"category": "salgad"}, []),
        ({"category": ""}, ["agua", "bolo", "coxinha", "pao"]),
        ({"q": " \u200b"}, ["agua", "bolo", "coxinha", "pao"]),
        ({"q": "𝗽ã𝗼"}, ["pao"]),
        ({"q": "pao"}, ["pao"]),
        ({"q": "PÃO queijo"}, ["pao"]),
        ({"q": "frango"}, ["coxinha"]),
        ({"q": "agua"}, ["agua"]),
        ({"q": "frango agua"}, []),
        ({"q": ""}, ["agua", "bolo", "coxinha", "pao"]),
        ({"min_price": 450}, ["bolo", "pao"]),
        ({"max_price": 400}, ["agua", "coxinha"]),
        ({"min_price": 400, "max_price": 400}, ["coxinha"]),
        ({"promo": True}, ["coxinha"]),
        ({"available": True}, ["agua", "coxinha", "pao"]),
        ({"sort": "name"}, ["agua", "bolo", "coxinha", "pao"]),
        ({"sort": "price"}, ["agua", "coxinha", "bolo", "pao"]),
        ({"sort": "-price"}, ["bolo", "pao", "coxinha", "agua"]),
        ({"sort": "-price", "available": True, "limit": 1}, ["pao"]),
    ],
)
def test_filters_and_sort_orders(query: dict[str, Any], expected: list[str]) -> None:
    """Contract: category, q, min_price, max_price, promo, available, sort; prices are current ones."""
    assert skus(**query) == expected


queries = st.fixed_dictionaries(
    {},
    optional={
        "category": st.sampled_from(["salgado", "doce"]),
        "q": st.sampled_from(["a", "o", "pao"]),
        "min_price": st.integers(0, 1000),
        "max_price": st.integers(0, 1000),
        "promo": st.booleans(),
        "available": st.booleans(),
        "sort": st.sampled_from(["name", "price", "-price"]),
    },
)


@given(queries, st.integers(1, 3))
def test_pages_add_up_to_the_whole_listing(query: dict[str, Any], limit: int) -> None:
    """A limit changes the size of a page and nothing else."""
    cursor: str | None = None
    walked: list[str] = []
    while True:
        one = build_listing(MENU, MenuQuery(**query, limit=limit, cursor=cursor), NOW, degraded=False)
        walked += [e.sku for e in one.items]
        if (cursor := one.next_cursor) is None:
            break
    assert walked == skus(**query)


def test_cursor_of_other_sort_order_is_rejected() -> None:
    """Its key would point anywhere."""
    cursor = build_listing(MENU, MenuQuery(limit=1), NOW, degraded=False).next_cursor
    with pytest.raises(Problem, match="invalid-request"):
        build_listing(MENU, MenuQuery(limit=1, cursor=cursor, sort="name"), NOW, degraded=False)


BOLD = menu(
    [
        item("a", name="Água"),
        item("b", name="𝗣𝗶𝘇𝘇𝗮", category="Pizzas"),
        item("c", name="pastel", category="ＰＩＺＺＡＳ"),
        item("d", name="Quibe"),
    ]
)


def test_text_is_compared_in_compatibility_form() -> None:
    """F10: bold letters are found and sorted as the letters that they show."""
    assert [e.sku for e in entries(BOLD, q="pizza")] == ["b"]
    assert [e.sku for e in entries(BOLD, q="ＰＡＳＴＥＬ")] == ["c"]
    assert [e.sku for e in entries(BOLD, category="pizzas")] == ["b", "c"]
    assert [e.sku for e in entries(BOLD, sort="name")] == ["a", "c", "b", "d"]


def test_cursor_of_expanding_names_fits_into_a_request() -> None:
    """NFKC makes 18 characters of U+FDFA; the next page must stay within reach."""
    view = menu([item(f"s{n:03}", name="\ufdfa" * 200) for n in range(600)])
    cursor: str | None = None
    seen: list[str] = []
    while True:
        page = build_listing(view, MenuQuery(limit=100, cursor=cursor, sort="name"), NOW, degraded=False)
        seen += [e.sku for e in page.items]
        if (cursor := page.next_cursor) is None:
            break
        assert len(cursor) < 6000
    assert seen == [f"s{n:03}" for n in range(600)]


def test_search_has_a_bounded_number_of_words() -> None:
    """Each is searched for in every text of the menu: 66 words of two letters took 30 ms of a menu of 300 long texts."""
    ten = "a b c d e f g h i j"
    assert skus(q=ten) == skus(q=f"{ten} {ten}") == []
    with pytest.raises(Problem) as problem:
        entries(q=f"{ten} k")
    assert problem.value.field_errors == (FieldError("q", "max-words", 10, kind="parameter"),)
