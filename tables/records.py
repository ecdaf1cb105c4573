"""The records of the tables that are not facts or catalogue entries themselves."""

from msgspec import Struct, field

from schemas.replies import Answer


class Kitchen(Struct, frozen=True, omit_defaults=True):
    """Orders that a restaurant has yet to hand over."""

    open_orders: int = 0


class KeyEntry(Struct, frozen=True):
    """An idempotency key that has been decided, and its answer (README, decision 2).

    `expires_at` is in milliseconds since 1970; from then on the key is as good as new.
    """

    request_fingerprint: str
    order_id: str
    answer: Answer
    expires_at: int


class Allowance(Struct, frozen=True):
    """How many of each sku one customer has had of one promotion."""

    taken: dict[str, int] = field(default_factory=dict)
