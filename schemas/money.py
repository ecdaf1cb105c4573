"""Money: an integer of centavos plus a currency."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

#: Largest amount accepted from outside, in centavos (R$ 1,000,000.00).
MAX_AMOUNT = 100_000_000

Currency = Literal["BRL"]


class Money(Struct, frozen=True, forbid_unknown_fields=True):
    """An amount in centavos; never negative."""

    amount: Annotated[int, Meta(ge=0, description="centavos")]
    currency: Currency = "BRL"

    def times(self, quantity: int) -> "Money":
        """Return this amount for `quantity` units."""
        return Money(self.amount * quantity, self.currency)


def total(amounts: "list[Money]") -> Money:
    """Return the sum; BRL 0 for none."""
    return Money(sum(a.amount for a in amounts))
