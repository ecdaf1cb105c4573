"""Replies: the answer to one command, sent to the ingress process that wrote it (DECISIONS.md, replies-by-address)."""

from typing import Literal

from msgspec import Struct

from schemas.orders import Order

Outcome = Literal[
    "confirmed",
    "out_of_stock",
    "price_changed",
    "promotion_closed",
    "limit_reached",
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
    "created",
    "replaced",
    "undecidable",
]


class Answer(Struct, frozen=True, omit_defaults=True):
    """The outcome of a command, kept under its idempotency key so that a replay is equal byte for byte."""

    outcome: Outcome
    order: Order | None = None
    skus: list[str] = []  # the items that the outcome is about
    version: int = 0  # of the restaurant, item or promotion that was put


class Reply(Struct, frozen=True, omit_defaults=True):
    """An answer, and whether it repeats an earlier one."""

    answer: Answer
    replayed: bool = False
