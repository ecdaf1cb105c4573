"""Commands: what was asked. One topic, keyed by restaurant (README, decision 1).

Times that matter to a decision are not in here: they are the broker's append time of the
record (decision 4), so the same log always gives the same facts.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from schemas.money import Money

MAX_LINES = 50
MAX_QUANTITY = 99

# `$` alone would let a line feed pass at the end: patterns are searched for, not matched whole
Identifier = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.~-]+(?!\n)$")]
Text = Annotated[str, Meta(min_length=1, max_length=200)]
LongText = Annotated[str, Meta(max_length=2000)]
Portions = Annotated[int, Meta(ge=0, le=10_000_000)]
PaymentMethod = Literal["pix", "card", "cash"]


class Line(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One line of an order; several lines may name the same sku."""

    sku: Identifier
    quantity: Annotated[int, Meta(ge=1, le=MAX_QUANTITY)]
    expected_unit_price: Money | None = None


class Address(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Where to deliver."""

    street: Text
    number: Annotated[str, Meta(min_length=1, max_length=20)]
    district: Text
    city: Text
    postal_code: Annotated[str, Meta(min_length=1, max_length=20)]
    complement: Annotated[str, Meta(max_length=200)] = ""


class Payment(Struct, frozen=True, forbid_unknown_fields=True):
    """How the customer pays."""

    method: PaymentMethod


class Customer(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Who orders; the id counts against per-customer limits."""

    id: Annotated[str, Meta(min_length=1, max_length=128)]
    name: Annotated[str, Meta(max_length=200)] = ""
    phone: Annotated[str, Meta(max_length=40)] = ""


class CustomerRef(Struct, frozen=True):
    """Who orders, by the id that the caller gave: all that is said of a customer outside of what is sealed."""

    id: str


class Personal(Struct, frozen=True, omit_defaults=True):
    """What of an order is personal data; never written but sealed with the order's key (README, decision 13)."""

    delivery_address: Address
    customer_name: str = ""
    customer_phone: str = ""


class PlaceOrder(Struct, frozen=True, tag="place-order", omit_defaults=True):
    """Reserve every line or none, and confirm.

    `personal` is the sealed Personal. Where the order was forgotten there is none: then the command can only be
    a replay. Version 1 had a plain `delivery_address`, and name and phone in `customer`; they are not read any more.
    """

    order_id: str
    restaurant_id: str
    idempotency_key_hash: str
    request_fingerprint: str
    items: list[Line]
    payment: Payment
    customer: CustomerRef | None = None
    personal: bytes | None = None
    forgotten: bool = False
    hops: int = 0  # how often a bucket has passed it on to another (README, Stock escrow)


class PutRestaurant(Struct, frozen=True, tag="put-restaurant"):
    """Create or replace a restaurant's profile."""

    restaurant_id: str
    name: str
    kitchen_capacity: int  # orders being prepared at once
    preparation_timeout_seconds: int
    webhook: str | None = None


class PutMenuItem(Struct, frozen=True, tag="put-menu-item"):
    """Create or replace a menu item; `portions` is the whole number offered, sold ones included."""

    restaurant_id: str
    sku: str
    name: str
    description: str
    category: str
    price: Money
    portions: int | None = None  # None: unlimited


class PromotionItem(Struct, frozen=True, forbid_unknown_fields=True):
    """What a promotion offers of one menu item."""

    sku: Identifier
    promo_price: Money
    portions: Portions | None = None
    per_customer_limit: Annotated[int, Meta(ge=1, le=10_000)] | None = None


class PutPromotion(Struct, frozen=True, tag="put-promotion"):
    """Create or replace a promotion; the window is [starts_at, ends_at) in milliseconds since 1970."""

    restaurant_id: str
    promotion_id: str
    starts_at: int
    ends_at: int
    items: list[PromotionItem]


class Tick(Struct, frozen=True, tag="tick"):
    """Time has passed: deadlines before the record's time fire, and views learn their age."""


class AdvanceOrder(Struct, frozen=True, tag="advance-order"):
    """The restaurant moves an order on."""

    restaurant_id: str
    order_id: str
    status: Literal["preparing", "out_for_delivery", "delivered"]


class CancelOrder(Struct, frozen=True, tag="cancel-order"):
    """The customer, or the restaurant, no longer wants the order."""

    restaurant_id: str
    order_id: str
    by: Literal["customer", "restaurant"]
    idempotency_key_hash: str
    request_fingerprint: str


class PaymentResult(Struct, frozen=True, tag="payment-result"):
    """What the payment provider said; comes from egress, perhaps more than once."""

    restaurant_id: str
    order_id: str
    kind: Literal["authorise", "refund"]
    outcome: Literal["authorised", "declined", "refunded", "nothing_to_refund"]


class Mirror(Struct, frozen=True, tag="mirror"):
    """What was put at the home of a restaurant, for another of its buckets; `version` is the put thing's."""

    restaurant_id: str
    put: PutRestaurant | PutMenuItem | PutPromotion
    version: int


class Want(Struct, frozen=True):
    """What a bucket asks for of one item: what orders that wait are short of, and what it has.

    `promotion_id` names the promotion whose allotment is to come with the portions.
    """

    sku: str
    missing: int
    free: int
    promotion_id: str | None = None


class AskPortions(Struct, frozen=True, tag="ask-portions"):
    """A bucket asks another for portions; `number` grows by one with each of its asks of that one.

    `since`: since when its oldest order waits, milliseconds since 1970; who waits longer goes first.
    """

    restaurant_id: str
    asker: str
    number: int
    since: int
    wants: list[Want]


class Given(Struct, frozen=True):
    """Portions of one item that go from one bucket to another."""

    sku: str
    quantity: int
    promotion_id: str | None = None


class LendPortions(Struct, frozen=True, tag="lend-portions"):
    """The one answer to ask `number`: together with the two buckets' names it is the transfer's identity.

    `kept`: the lender had more, and keeps it for orders that wait longer. `lent` and `heard` tell of
    its other transfers: the last one that it gave portions in, by borrower, and the last one that it
    received, by lender; so that who asks all can see what was under way between two others.
    """

    restaurant_id: str
    lender: str
    number: int
    given: list[Given]
    kept: bool
    lent: dict[str, int]
    heard: dict[str, int]


class OfferPortions(Struct, frozen=True, tag="offer-portions"):
    """A bucket that is closed has portions; its home is to ask for them."""

    restaurant_id: str
    lender: str
    wants: list[Want]


Command = (
    PlaceOrder
    | AdvanceOrder
    | CancelOrder
    | PaymentResult
    | PutRestaurant
    | PutMenuItem
    | PutPromotion
    | Tick
    | Mirror
    | AskPortions
    | LendPortions
    | OfferPortions
)
