"""Replies: the answer to one command, sent to the ingress process that wrote it (DECISIONS.md, replies-by-address)."""

from typing import Literal

from msgspec import Struct

from schemas.assurance import Assurance
from schemas.orders import CashLimit, LimitReached, Order

Outcome = Literal[
    "confirmed",
    "out_of_stock",
    "price_changed",
    "promotion_closed",
    "limit_reached",
    "cash_limit_reached",
    "payment_declined",
    "payment_timeout",
    "customer_required",
    "unknown_restaurant",
    "unknown_item",
    "key_reused",
    "advanced",
    "cancelled",
    "found",
    "unknown_order",
    "too_late",
    "invalid_transition",
    "invalid_promotion",
    "wrong_version",
    "too_many_items",
    "too_many_promotions",
    "unknown_promotion",
    "not_empty",
    "open_orders",
    "has_buckets",
    "deleted",
    "created",
    "replaced",
    "undecidable",
]


class PromotionFault(Struct, frozen=True, omit_defaults=True):
    """What is wrong with one field of a promotion, which a JSON pointer into the request names.

    `expected` is the item's price in centavos, or its portions.
    """

    pointer: str
    kind: Literal["not_cheaper", "over", "too_many_portions"]
    expected: int | None = None


class Answer(Struct, frozen=True, omit_defaults=True):
    """The outcome of a command, kept under its idempotency key so that a replay is equal byte for byte."""

    outcome: Outcome
    order: Order | None = None
    skus: list[str] = []  # the items that the outcome is about
    version: int = 0  # of the restaurant, item or promotion that was put, or of its deletion
    limits: list[LimitReached] = []
    cash_limits: list[CashLimit] = []
    faults: list[PromotionFault] = []
    webhook_secret_version: int = 0  # of the restaurant that was put, or whose secret was rotated
    limit: int = 0  # what `too_many_items` or `too_many_promotions` passed
    required_assurance: Assurance | None = None  # what `customer_required` asks for


class Reply(Struct, frozen=True, omit_defaults=True):
    """An answer, and whether it repeats an earlier one."""

    answer: Answer
    replayed: bool = False
