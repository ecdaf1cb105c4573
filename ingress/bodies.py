"""What request bodies hold, and the rules that a JSON Schema cannot say."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from ingress.problems import Fault
from schemas.commands import (
    MAX_LINES,
    Address,
    Customer,
    Identifier,
    Line,
    LongText,
    Payment,
    Portions,
    PromotionItem,
    Text,
)
from schemas.money import MAX_AMOUNT, Money

#: A year: longer would be as good as no deadline.
MAX_PREPARATION_SECONDS = 31_536_000

Instant = Annotated[datetime, Meta(tz=True)]
WebAddress = Annotated[str, Meta(max_length=2000, pattern=r"^https?://[^\s/?#]+[^\s]*(?!\s)$")]


class OrderBody(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """POST /v1/orders."""

    restaurant_id: Identifier
    items: Annotated[list[Line], Meta(min_length=1, max_length=MAX_LINES)]
    delivery_address: Address
    payment: Payment
    customer: Customer | None = None


class RestaurantBody(Struct, frozen=True, forbid_unknown_fields=True):
    """PUT /v1/restaurants/{restaurant_id}."""

    name: Text
    kitchen_capacity: Annotated[int, Meta(ge=1, le=10_000)] = 10
    preparation_timeout_seconds: Annotated[int, Meta(ge=1, le=MAX_PREPARATION_SECONDS)] = 1800
    webhook: WebAddress | None = None


class MenuItemBody(Struct, frozen=True, forbid_unknown_fields=True):
    """PUT /v1/restaurants/{restaurant_id}/menu/{sku}."""

    name: Text
    price: Money
    description: LongText = ""
    category: Text = "geral"
    portions: Portions | None = None


class PromotionBody(Struct, frozen=True, forbid_unknown_fields=True):
    """PUT /v1/restaurants/{restaurant_id}/promotions/{promotion_id}."""

    starts_at: Instant
    ends_at: Instant
    items: Annotated[list[PromotionItem], Meta(min_length=1, max_length=200)]


def order_faults(body: OrderBody) -> list[Fault]:
    """Return what is wrong with an order beyond its shape."""
    return _amount_faults(
        (f"/items/{index}/expected_unit_price", line.expected_unit_price)
        for index, line in enumerate(body.items)
        if line.expected_unit_price is not None
    )


def restaurant_faults(body: RestaurantBody) -> list[Fault]:
    """Return what is wrong with a restaurant beyond its shape: nothing."""
    return []


def menu_item_faults(body: MenuItemBody) -> list[Fault]:
    """Return what is wrong with a menu item beyond its shape."""
    return _amount_faults([("/price", body.price)])


def promotion_faults(body: PromotionBody) -> list[Fault]:
    """Return what is wrong with a promotion beyond its shape."""
    faults = _amount_faults(
        (f"/items/{index}/promo_price", item.promo_price) for index, item in enumerate(body.items)
    )
    if body.ends_at <= body.starts_at:
        faults.append(Fault("/ends_at", "ends-after-starts"))
    seen: set[str] = set()
    for index, item in enumerate(body.items):
        if item.sku in seen:
            faults.append(Fault(f"/items/{index}/sku", "repeated-sku"))
        seen.add(item.sku)
    return faults


def _amount_faults(amounts: Iterable[tuple[str, Money]]) -> list[Fault]:
    return [
        Fault(f"{pointer}/amount", "maximum", MAX_AMOUNT)
        for pointer, money in amounts
        if money.amount > MAX_AMOUNT
    ]
