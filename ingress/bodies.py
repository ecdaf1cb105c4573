"""What request bodies hold, and the rules that a JSON Schema cannot say."""

import base64
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from msgspec import Meta, Struct

from ingress.problems import Fault
from schemas import web_addresses
from schemas.commands import (
    MAX_LINES,
    Address,
    Customer,
    CustomerRef,
    Identifier,
    Line,
    LongText,
    Payment,
    Personal,
    Portions,
    PromotionItem,
    Text,
)
from schemas.money import MAX_AMOUNT, Money

#: A year: longer would be as good as no deadline.
MAX_PREPARATION_SECONDS = 31_536_000

#: What is said of the ports of endpoints.
PORTS = ", ".join(str(port) for port in sorted(filter(None, web_addresses.PORTS)))
#: Bounds of instants: within them each has a text in UTC, and its milliseconds are not negative.
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(9999, 1, 1, tzinfo=UTC)

Instant = Annotated[datetime, Meta(tz=True)]
# visible ASCII, as addresses are written (RFC 3986): what `\s` is differs between dialects of patterns
WebAddress = Annotated[str, Meta(max_length=2000, pattern=r'^https?://[!-"$-.0->@-~]+[!-~]*(?!\n)$')]


_encode = msgspec.json.Encoder().encode


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


class PushKeys(Struct, frozen=True, forbid_unknown_fields=True):
    """The browser's public key and secret, in base64url (RFC 8291): 65 and 16 bytes."""

    p256dh: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{87}=?(?!\n)$")]
    auth: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{22}(==)?(?!\n)$")]


class SubscriptionBody(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """POST /v1/orders/{order_id}/push: what PushSubscription.toJSON() gives."""

    endpoint: WebAddress
    keys: PushKeys
    expiration_time: float | None = None


class UnsubscriptionBody(Struct, frozen=True, forbid_unknown_fields=True):
    """DELETE /v1/orders/{order_id}/push: one browser's; without an endpoint, all."""

    endpoint: WebAddress | None = None


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


def personal_of(body: OrderBody) -> Personal:
    """Return what of an order is sealed."""
    if body.customer is None:
        return Personal(body.delivery_address)
    return Personal(body.delivery_address, body.customer.name, body.customer.phone)


def plain_of(body: OrderBody) -> bytes:
    """Return the rest of it, in its canonical encoding."""
    customer = CustomerRef(body.customer.id) if body.customer else None
    return _encode([body.restaurant_id, body.items, body.payment, customer])


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


def subscription_faults(body: SubscriptionBody) -> list[Fault]:
    """Return what is wrong with a subscription beyond its shape: a key that is no point of the curve."""
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(
            ec.SECP256R1(), base64.urlsafe_b64decode(body.keys.p256dh + "=")
        )
    except ValueError:
        return [Fault("/keys/p256dh", "push-key")]
    return []


def address_faults(pointer: str, url: str | None, allow_private: bool) -> list[Fault]:
    """Return what is wrong with the address of an endpoint of somebody else's."""
    code = None if url is None else web_addresses.fault(url, allow_private)
    return [] if code is None else [Fault(pointer, code, PORTS)]


def menu_item_faults(body: MenuItemBody) -> list[Fault]:
    """Return what is wrong with a menu item beyond its shape."""
    return _amount_faults([("/price", body.price)])


def _instant_faults(instants_at: dict[str, datetime]) -> list[Fault]:
    """Return a fault for each instant that cannot be shown in UTC, or lies before all others."""
    return [Fault(pointer, "instant") for pointer, at in instants_at.items() if not EARLIEST <= at < LATEST]


def promotion_faults(body: PromotionBody) -> list[Fault]:
    """Return what is wrong with a promotion beyond its shape."""
    faults = _amount_faults(
        (f"/items/{index}/promo_price", item.promo_price) for index, item in enumerate(body.items)
    )
    faults.extend(_instant_faults({"/starts_at": body.starts_at, "/ends_at": body.ends_at}))
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
