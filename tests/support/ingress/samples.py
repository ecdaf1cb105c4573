"""Sample bodies and views."""

from typing import Any

from ingress.http.tokens import Tokens
from ingress.views.ports import MenuView
from schemas.assurance import ProvedAssurance
from schemas.catalogue import Allotment, Item, Promotion, Restaurant, Stock
from schemas.commands import PromotionItem
from schemas.money import Money

NOW = 1_767_268_800_000  # 2026-01-01T12:00:00Z


def order_body(**changes: Any) -> dict[str, Any]:
    """Return a good order as JSON, with these fields changed."""
    body = {
        "restaurant_id": "r1",
        "items": [
            {"sku": "coxinha", "quantity": 2, "expected_unit_price": {"amount": 990, "currency": "BRL"}}
        ],
        "delivery_address": {
            "street": "Rua A",
            "number": "10",
            "district": "Centro",
            "city": "Recife",
            "postal_code": "50000-000",
        },
        "payment": {"method": "pix"},
        "customer": {"name": "Ana", "phone": "+5581999990000"},
    }
    return body | changes


def as_customer(name: str, assurance: ProvedAssurance = "device") -> dict[str, str]:
    """Return the header that proves a customer, where the secret of tokens is `secret`."""
    return {"Authorization": f"Bearer {Tokens('secret', '').customer(name, assurance)}"}


def item(sku: str, price: int = 1000, **changes: Any) -> Item:
    """Return a menu item."""
    fields = {"name": sku.title(), "description": "", "category": "geral"} | changes
    return Item(sku=sku, price=Money(price), version=1, **fields)


def stock(sku: str, portions: int | None = None, reserved: int = 0, **allotments: int) -> Stock:
    """Return a stock; allotments by promotion id."""
    return Stock(
        sku, 1, portions, reserved, 0, {name: Allotment(count) for name, count in allotments.items()}
    )


def promotion(promotion_id: str, starts_in: int = -1000, ends_in: int = 60_000, **prices: int) -> Promotion:
    """Return a promotion around NOW; promotional prices by sku."""
    items = [PromotionItem(sku, Money(price)) for sku, price in prices.items()]
    return Promotion(promotion_id, NOW + starts_in, NOW + ends_in, items, 1)


def menu(
    items: list[Item],
    stocks: list[Stock] | None = None,
    promotions: list[Promotion] | None = None,
    as_of: int = NOW,
) -> MenuView:
    """Return a menu view."""
    restaurant = Restaurant("r1", "Bar do Zé", 10, 1800, 1)
    return MenuView(restaurant, items, {s.sku: s for s in stocks or []}, promotions or [], as_of, (5,))
