"""The records of the tables that are not facts or catalogue entries themselves."""

from typing import Literal

from msgspec import Struct, field

from schemas.codec import ReplyAddress
from schemas.replies import Answer


class Kitchen(Struct, frozen=True, omit_defaults=True):
    """Orders that a restaurant has yet to hand over."""

    open_orders: int = 0


class KeyEntry(Struct, frozen=True):
    """An idempotency key, and its answer; None while that is waited for (README, decision 2).

    `expires_at` is in milliseconds since 1970; from then on the key is as good as new.
    """

    request_fingerprint: str
    order_id: str
    answer: Answer | None
    expires_at: int


class Allowance(Struct, frozen=True):
    """How many of each sku one customer has had of one promotion."""

    taken: dict[str, int] = field(default_factory=dict)


class Waiting(Struct, frozen=True):
    """Who waits for the outcome of an order's payment; the first is who asked first."""

    askers: list[ReplyAddress]


class Timer(Struct, frozen=True):
    """Something is due; what it finds decides what it does, so one too many does no harm."""

    kind: Literal["reservation", "preparation", "key", "promotion"]
    restaurant_id: str
    subject: str  # the order's id, the key's hash, the promotion's id
    due: int  # milliseconds since 1970
