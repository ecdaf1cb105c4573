"""The page of restaurants."""

from ingress.restaurants_page import RestaurantsQuery, page
from ingress.views import RestaurantsView
from schemas.catalogue import Restaurant
from schemas.views import Window
from tests.ingress.samples import NOW

VIEW = RestaurantsView(
    [Restaurant(f"r{n}", f"Bar {n}", 10, 1800, 1) for n in (3, 1, 2)],
    {
        "r2": [Window(0, NOW), Window(NOW, NOW + 1)],
        "r3": [Window(NOW + 1, NOW + 2)],
        "gone": [Window(0, NOW + 1)],
    },
)


def test_restaurants_come_by_id_page_by_page() -> None:
    """Contract: page of restaurants, `limit`, `cursor`."""
    first = page(VIEW, RestaurantsQuery(limit=2), NOW)
    assert [r.restaurant_id for r in first.items] == ["r1", "r2"]
    second = page(VIEW, RestaurantsQuery(limit=2, cursor=first.next_cursor), NOW)
    assert [r.restaurant_id for r in second.items] == ["r3"] and second.next_cursor is None


def test_only_those_with_an_open_promotion_on_request() -> None:
    """Contract: `promo=true`; a window holds its first instant and not its last."""
    assert [r.restaurant_id for r in page(VIEW, RestaurantsQuery(promo=True), NOW).items] == ["r2"]
    assert [r.restaurant_id for r in page(VIEW, RestaurantsQuery(promo=True), NOW + 1).items] == ["r3"]
