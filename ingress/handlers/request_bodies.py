"""The classes of request bodies, and the rules that a JSON Schema cannot describe."""

import base64
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from msgspec import UNSET, Meta, Struct, UnsetType

from ingress.http.problems import FieldError
from schemas import endpoint_urls, timestamps
from schemas.assurance import Assurance
from schemas.commands import (
    MAX_LINES,
    Address,
    Customer,
    CustomerLimit,
    CustomerRef,
    Identifier,
    LongText,
    Payment,
    PersonalData,
    Portions,
    PromotionItem,
    RequestedItem,
    ShortText,
    WhenSoldOut,
)
from schemas.money import MAX_AMOUNT, Money
from schemas.timestamps import NANOSECONDS_PER_MS, EpochMs, InstantError

#: A year; a longer timeout would be as good as none.
MAX_PREPARATION_SECONDS = 31_536_000
#: The ports of endpoints that the problem lists.
ALLOWED_PORTS = ", ".join(str(port) for port in sorted(filter(None, endpoint_urls.ALLOWED_PORTS)))
#: The first instant that is accepted, and the first one after it that is not: between them each has a text in UTC and
#: a count of milliseconds that is not negative.
MIN_INSTANT = EpochMs(0)
MAX_INSTANT = timestamps.to_milliseconds(datetime(9999, 1, 1, tzinfo=UTC))

#: The length bounds the digits of a fraction.
RequestInstant = Annotated[str, Meta(max_length=64, extra_json_schema={"format": "date-time"})]
# visible ASCII (RFC 3986); `\s` differs between dialects of regular expressions, and a second `+` would backtrack
WebAddress = Annotated[
    str,
    Meta(
        max_length=2000,
        pattern=r'^[Hh][Tt][Tt][Pp][Ss]?://[!-"$-.0->@-~][!-~]*(?!\n)$',
        extra={"text": "web-address"},
    ),
]

_encode = msgspec.json.Encoder().encode


class OrderBody(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The body of POST /v1/orders."""

    restaurant_id: Identifier
    items: Annotated[list[RequestedItem], Meta(min_length=1, max_length=MAX_LINES)]
    delivery_address: Address
    payment: Payment
    customer: Customer | None = None


class RestaurantBody(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of PUT /v1/restaurants/{restaurant_id}."""

    name: ShortText
    kitchen_capacity: Annotated[int, Meta(ge=1, le=10_000)] = 10
    preparation_timeout_seconds: Annotated[int, Meta(ge=1, le=MAX_PREPARATION_SECONDS)] = 1800
    webhook: WebAddress | None = None


class WebhookSecretBody(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of POST /v1/restaurants/{restaurant_id}/webhook-secrets; without a version, it makes the next one."""

    version: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None


class PushKeys(Struct, frozen=True, forbid_unknown_fields=True):
    """The public key (65 bytes) and the secret (16 bytes) of a browser, in base64url (RFC 8291)."""

    p256dh: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{87}=?(?!\n)$")]
    auth: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{22}(==)?(?!\n)$")]


class SubscriptionBody(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """The body of POST /v1/orders/{order_id}/push, as PushSubscription.toJSON() returns it."""

    endpoint: WebAddress
    keys: PushKeys
    expiration_time: float | None = None


class UnsubscriptionBody(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of DELETE /v1/orders/{order_id}/push: the endpoint of one browser; without it, of all."""

    endpoint: WebAddress | None = None


class MenuItemBody(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of PUT /v1/restaurants/{restaurant_id}/menu/{sku}."""

    name: ShortText
    price: Money
    description: LongText = ""
    category: ShortText = "geral"
    portions: Portions | None = None


class PromotionItemBody(Struct, frozen=True, forbid_unknown_fields=True):
    """An item of a promotion; `cash_portions` is how many of its portions open cash orders may hold, null: all."""

    sku: Identifier
    promo_price: Money
    portions: Portions | None = None
    per_customer_limit: CustomerLimit | None = None
    when_sold_out: WhenSoldOut | UnsetType = UNSET
    cash_portions: Portions | UnsetType | None = UNSET

    def command(self) -> PromotionItem:
        """Return the item as commands have it, where null is unset."""
        fields = msgspec.structs.asdict(self)
        return PromotionItem(**fields | ({"cash_portions": UNSET} if self.cash_portions is None else {}))


class PromotionBody(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of PUT /v1/restaurants/{restaurant_id}/promotions/{promotion_id}."""

    starts_at: RequestInstant
    ends_at: RequestInstant
    items: Annotated[list[PromotionItemBody], Meta(min_length=1, max_length=200)]
    customer_assurance: Assurance = "none"


def personal_data(body: OrderBody) -> PersonalData:
    """Return the fields of an order that are sealed."""
    if body.customer is None:
        return PersonalData(body.delivery_address)
    return PersonalData(body.delivery_address, body.customer.name, body.customer.phone)


def encode_plain_fields(body: OrderBody, customer_id: str | None) -> bytes:
    """Return the other fields of an order, and who orders, in a canonical encoding."""
    customer = CustomerRef(customer_id) if customer_id else None
    return _encode([body.restaurant_id, body.items, body.payment, customer])


def order_errors(body: OrderBody) -> list[FieldError]:
    """Return the errors of an order that its schema does not find."""
    return _amount_errors(
        (f"/items/{index}/expected_unit_price", line.expected_unit_price)
        for index, line in enumerate(body.items)
        if line.expected_unit_price is not None
    )


def subscription_errors(body: SubscriptionBody) -> list[FieldError]:
    """Return an error if the key of a subscription is not a point of the curve P-256."""
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(
            ec.SECP256R1(), base64.urlsafe_b64decode(body.keys.p256dh + "=")
        )
    except ValueError:
        return [FieldError("/keys/p256dh", "push-key")]
    return []


def endpoint_errors(pointer: str, url: str | None, allow_private: bool) -> list[FieldError]:
    """Return an error if we must not send requests to the address of a webhook or push service."""
    code = None if url is None else endpoint_urls.find_fault(url, allow_private)
    return [] if code is None else [FieldError(pointer, code, ALLOWED_PORTS)]


def menu_item_errors(body: MenuItemBody) -> list[FieldError]:
    """Return the errors of a menu item that its schema does not find."""
    return _amount_errors([("/price", body.price)])


def promotion_window(body: PromotionBody) -> tuple[EpochMs, EpochMs]:
    """Return the first instant of a promotion, and the first one after it; raises InstantError."""
    starts_at, ends_at = map(timestamps.parse_rfc3339, (body.starts_at, body.ends_at))
    return EpochMs(starts_at // NANOSECONDS_PER_MS), EpochMs(ends_at // NANOSECONDS_PER_MS)


def promotion_errors(body: PromotionBody) -> list[FieldError]:
    """Return the errors of a promotion that its schema does not find."""
    errors = _amount_errors(
        (f"/items/{index}/promo_price", item.promo_price) for index, item in enumerate(body.items)
    )
    errors.extend(_window_errors(body))
    seen: set[str] = set()
    for index, item in enumerate(body.items):
        if item.sku in seen:
            errors.append(FieldError(f"/items/{index}/sku", "repeated-sku"))
        seen.add(item.sku)
    return errors


def _window_errors(body: PromotionBody) -> list[FieldError]:
    instants: list[int] = []
    errors = []
    for pointer, text in (("/starts_at", body.starts_at), ("/ends_at", body.ends_at)):
        try:
            instants.append(timestamps.parse_rfc3339(text))
        except InstantError as error:
            errors.append(FieldError(pointer, error.code))
        else:
            if not MIN_INSTANT <= instants[-1] // NANOSECONDS_PER_MS < MAX_INSTANT:
                errors.append(FieldError(pointer, "instant"))
    if len(instants) == 2 and instants[1] - instants[0] < NANOSECONDS_PER_MS:
        errors.append(FieldError("/ends_at", "ends-after-starts"))
    return errors


def _amount_errors(amounts: Iterable[tuple[str, Money]]) -> list[FieldError]:
    return [
        FieldError(f"{pointer}/amount", "maximum", MAX_AMOUNT)
        for pointer, money in amounts
        if money.amount > MAX_AMOUNT
    ]
