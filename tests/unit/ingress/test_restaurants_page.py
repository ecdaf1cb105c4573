"""The page of restaurants."""

from ingress.views.ports import RestaurantsView
from ingress.views.restaurants_page import RestaurantsQuery, build_page
from schemas.catalogue import Restaurant
from schemas.view_keys import Window
from tests.support.ingress.samples import NOW

VIEW = RestaurantsView(
    [Restaurant(f"r{n}", f"Bar {n}", 10, 1800, 1) for n in (3, 1, 2)],
    {
        "r2": [Window(0, NOW), Window(NOW, NOW + 1)],
        "r3": [Window(NOW + 1, NOW + 2)],
        "gone": [Window(0, NOW + 1)],
    },
)


def test_restaurants_are_paged_by_id() -> None:
    """Contract: page of restaurants, `limit`, `cursor`."""
    first = build_page(VIEW, RestaurantsQuery(limit=2), NOW)
    assert [r.restaurant_id for r in first.items] == ["r1", "r2"]
    second = build_page(VIEW, RestaurantsQuery(limit=2, cursor=first.next_cursor), NOW)
    assert [r.restaurant_id for r in second.items] == ["r3"] and second.next_cursor is None


def test_promo_filter_keeps_open_promotions() -> None:
    """Contract: `promo=true`; a window includes its first instant and not its last."""
    assert [r.restaurant_id for r in build_page(VIEW, RestaurantsQuery(promo=True), NOW).items] == ["r2"]
    assert [r.restaurant_id for r in build_page(VIEW, RestaurantsQuery(promo=True), NOW + 1).items] == ["r3"]
