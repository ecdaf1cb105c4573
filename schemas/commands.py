"""Commands: requests to change something, in one topic keyed by restaurant (DECISIONS.md, key-is-the-restaurant).

A command has no time of its own. A decision uses the broker's append time of the record, so the same log always
gives the same facts (DECISIONS.md, time-is-an-input).
"""

from typing import Annotated, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from schemas.assurance import Assurance, ProvedAssurance
from schemas.money import Money
from schemas.timestamps import EpochMs

MAX_LINES = 50
MAX_QUANTITY = 99

# `extra` names the rule of a text in a request (ingress/http/text_fields.py); decoding a command applies none
LINE = {"text": "line"}
# patterns are searched for, so `$` alone would admit a line feed at the end
Identifier = Annotated[
    str,
    Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.~-]+(?!\n)$", extra={"text": "identifier"}),
]
ShortText = Annotated[str, Meta(min_length=1, max_length=200, extra=LINE)]
LongText = Annotated[str, Meta(max_length=2000, extra={"text": "paragraph"})]
Portions = Annotated[int, Meta(ge=0, le=10_000_000)]
CustomerLimit = Annotated[int, Meta(ge=1, le=10_000)]
WhenSoldOut = Literal["regular_price", "sold_out"]
PaymentMethod = Literal["pix", "card", "cash"]
#: Paid at the door: confirmed without a request to the payment provider.
CASH: Final = "cash"


class RequestedItem(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One line of an order; several lines may name the same sku."""

    sku: Identifier
    quantity: Annotated[int, Meta(ge=1, le=MAX_QUANTITY)]
    expected_unit_price: Money | None = None


class Address(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Where to deliver."""

    street: ShortText
    number: Annotated[str, Meta(min_length=1, max_length=20, extra=LINE)]
    district: ShortText
    city: ShortText
    postal_code: Annotated[str, Meta(min_length=1, max_length=20, extra={"text": "postal-code"})]
    complement: Annotated[str, Meta(max_length=200, extra=LINE)] = ""


class Payment(Struct, frozen=True, forbid_unknown_fields=True):
    """How the customer pays."""

    method: PaymentMethod


class Customer(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Whom to ask for and to call; who the customer is, the request's token says."""

    name: Annotated[str, Meta(max_length=200, extra=LINE)] = ""
    phone: Annotated[str, Meta(max_length=40, extra={"text": "phone"})] = ""


class CustomerRef(Struct, frozen=True, omit_defaults=True):
    """The customer by the id that a token proves; everything else about a customer is sealed.

    Earlier releases took any id and wrote no assurance: such an id counts against limits as a device's does.
    """

    id: str
    assurance: ProvedAssurance = "device"


class PersonalData(Struct, frozen=True, omit_defaults=True):
    """The personal data of an order; written only sealed (DECISIONS.md, seal-personal-data)."""

    delivery_address: Address
    customer_name: str = ""
    customer_phone: str = ""


class PlaceOrder(Struct, frozen=True, tag="place-order", omit_defaults=True):
    """Reserve every line or none, and confirm.

    `personal` is the sealed PersonalData. An erased order has none: then the command can only be a replay. Version 1
    had a plain `delivery_address`, and name and phone in `customer`, which are no longer read.
    """

    order_id: str
    restaurant_id: str
    idempotency_key_hash: str
    request_fingerprint: str
    items: list[RequestedItem]
    payment: Payment
    customer: CustomerRef | None = None
    personal: bytes | None = None
    forgotten: bool = False
    client: str = ""  # of a cash order: keyed digest of the client's network; empty: it has no limit
    # what `request_fingerprint` was in the month before, for a request that is repeated across the turn of the month
    earlier_fingerprint: str | None = None
    hops: int = 0  # how often one bucket forwarded it to another


class PutRestaurant(Struct, frozen=True, tag="put-restaurant"):
    """Create or replace a restaurant's profile."""

    restaurant_id: str
    name: str
    kitchen_capacity: int  # orders being prepared at once
    preparation_timeout_seconds: int
    webhook: str | None = None
    by: str | None = None  # who has put it: `admin:NAME` or `restaurant:TOKEN_ID`


class RotateWebhookSecret(Struct, frozen=True, tag="rotate-webhook-secret", omit_defaults=True):
    """Make the next version of a restaurant's webhook secret; the one before stays valid.

    `version` is the one to make, so that a repetition makes no further one; None: the next.
    """

    restaurant_id: str
    version: int | None = None
    by: str | None = None


class PutMenuItem(Struct, frozen=True, tag="put-menu-item"):
    """Create or replace a menu item; `portions` is the total number offered, including those sold."""

    restaurant_id: str
    sku: str
    name: str
    description: str
    category: str
    price: Money
    portions: int | None = None  # None: unlimited
    by: str | None = None


class PromotionItem(Struct, frozen=True, forbid_unknown_fields=True):
    """A promotion's offer of one menu item.

    `when_sold_out` is what becomes of the item if no open promotion of it has portions left; unset: it is sold out.
    `cash_portions` is how many of its portions open cash orders may hold at once; unset: as many as there are.
    """

    sku: Identifier
    promo_price: Money
    portions: Portions | None = None
    per_customer_limit: CustomerLimit | None = None
    # earlier releases refuse a field that they do not know, so it is not written unless it was given
    when_sold_out: WhenSoldOut | UnsetType = UNSET
    cash_portions: Portions | UnsetType = UNSET


class PutPromotion(Struct, frozen=True, tag="put-promotion"):
    """Create or replace a promotion; the window is [starts_at, ends_at) in milliseconds since 1970."""

    restaurant_id: str
    promotion_id: str
    starts_at: EpochMs
    ends_at: EpochMs
    items: list[PromotionItem]
    by: str | None = None
    customer_assurance: Assurance = "none"  # what an order of its items must prove


class DeleteRestaurant(Struct, frozen=True, tag="delete-restaurant", omit_defaults=True):
    """Delete a restaurant that has no items, promotions and open orders."""

    restaurant_id: str
    by: str | None = None  # as in PutRestaurant


class DeleteMenuItem(Struct, frozen=True, tag="delete-menu-item", omit_defaults=True):
    """Delete a menu item with its stock; orders that have it stay as they are."""

    restaurant_id: str
    sku: str
    by: str | None = None


class DeletePromotion(Struct, frozen=True, tag="delete-promotion", omit_defaults=True):
    """Delete a promotion, and end it at once if it is open; orders that were placed in it stay as they are."""

    restaurant_id: str
    promotion_id: str
    by: str | None = None


CatalogueCommand = PutRestaurant | PutMenuItem | PutPromotion
CatalogueDeletion = DeleteRestaurant | DeleteMenuItem | DeletePromotion


class Tick(Struct, frozen=True, tag="tick"):
    """Let time pass: deadlines before the record's time fire, and the watermark advances."""


class AdvanceOrder(Struct, frozen=True, tag="advance-order"):
    """Change the status of an order, on behalf of its restaurant."""

    restaurant_id: str
    order_id: str
    status: Literal["preparing", "out_for_delivery", "delivered"]


class CancelOrder(Struct, frozen=True, tag="cancel-order"):
    """Cancel an order, on behalf of the customer or the restaurant."""

    restaurant_id: str
    order_id: str
    by: Literal["customer", "restaurant"]
    idempotency_key_hash: str
    request_fingerprint: str
    holder: str | None = None  # of the customer's token; None: the order's is not compared


class FindOrder(Struct, frozen=True, tag="find-order"):
    """Return an order's state to the caller; it changes nothing. Every earlier command on the order is decided then."""

    restaurant_id: str
    order_id: str
    holder: str | None = None  # of the customer's token; None: the order's is not compared


class PaymentResult(Struct, frozen=True, tag="payment-result"):
    """The payment provider's answer, written by egress at least once.

    `payment_id` is that of the request; unset: the order's id. `reference` is the provider's, of an authorisation.
    """

    restaurant_id: str
    order_id: str
    kind: Literal["authorise", "refund"]
    outcome: Literal["authorised", "declined", "refunded", "nothing_to_refund"]
    payment_id: str | UnsetType = UNSET
    reference: str | UnsetType = UNSET


class ReplicateCatalogue(Struct, frozen=True, tag="mirror"):
    """A PUT that the home decided, for another bucket of the restaurant; `version` is that of the entry at the home.

    `counted_from` is a promotion's, whose run begins in all buckets at once.
    """

    restaurant_id: str
    put: CatalogueCommand
    version: int
    counted_from: EpochMs = EpochMs(0)


class PortionRequest(Struct, frozen=True):
    """A bucket's need of one item: its waiting orders lack `missing` portions, and it has `free` ones.

    `promotion_id` names the promotion whose allotment comes with the portions.
    """

    sku: str
    missing: int
    free: int
    promotion_id: str | None = None


class RequestPortions(Struct, frozen=True, tag="ask-portions"):
    """A bucket requests portions of another bucket; its requests to that bucket are numbered from 1."""

    restaurant_id: str
    borrower: str = field(name="asker")
    number: int
    #: When its oldest waiting order came: the bucket with the older one goes first.
    waiting_since: EpochMs = field(name="since")
    requests: list[PortionRequest] = field(name="wants")


class PortionGrant(Struct, frozen=True):
    """Portions of one item that go from one bucket to another."""

    sku: str
    quantity: int
    promotion_id: str | None = None


class LendPortions(Struct, frozen=True, tag="lend-portions"):
    """The one response to request `number`. Lender, borrower and number identify the transfer.

    It also describes the lender's other transfers. A bucket that has the responses of all others can thus see
    whether a transfer was in flight between two of them.
    """

    restaurant_id: str
    lender: str
    number: int
    grants: list[PortionGrant] = field(name="given")
    has_withheld: bool = field(name="kept")  # the lender keeps more for orders that have waited longer
    last_lent: dict[str, int] = field(name="lent")  # its last response with portions, by borrower
    last_received: dict[str, int] = field(name="heard")  # the last response that it has received, by lender


class OfferPortions(Struct, frozen=True, tag="offer-portions"):
    """A closed bucket has free portions, which its home is to request.

    `released`: an order of an open bucket released them. The home requests them only if it has put fewer portions
    than are reserved.
    """

    restaurant_id: str
    lender: str
    requests: list[PortionRequest] = field(name="wants")
    released: bool = False


OrderCommand = PlaceOrder | AdvanceOrder | CancelOrder | FindOrder | PaymentResult
#: What the buckets of one restaurant send each other.
BucketCommand = ReplicateCatalogue | RequestPortions | LendPortions | OfferPortions
Command = OrderCommand | CatalogueCommand | CatalogueDeletion | RotateWebhookSecret | Tick | BucketCommand


def restaurant_of(command: Command) -> str:
    """Return the restaurant, or bucket, that decides this command; empty for a tick, which is for a whole partition."""
    return "" if isinstance(command, Tick) else command.restaurant_id
