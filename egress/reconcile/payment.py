"""One payment as the books and as the facts have it, and their differences. Pure."""

from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

#: What can differ. Each is a matter for a person.
Difference = Literal[
    "unknown-payment",  # the books have a payment of which there is no fact
    "not-taken",  # the facts say paid, and the books do not
    "taken-twice",
    "amount-differs",  # another amount was taken, or given back, than the order's total
    "refund-missing",  # what is owed was not given back
    "refund-not-owed",  # given back, although the order stands
    "refund-not-taken",  # more was given back than taken
    "refund-not-in-facts",  # given back as it should be, and no fact says so
]


class BooksSide(Struct, frozen=True):
    """Movements of a payment in the books: how many, and their sums in centavos."""

    takings: int = 0
    taken: int = 0
    returns: int = 0
    given_back: int = 0


class FactsSide(Struct, frozen=True):
    """The newest state of a payment's order, its total in centavos."""

    restaurant_id: str
    total: int
    is_paid: bool
    is_cancelled: bool
    refund: str  # "", "pending" or "refunded"

    @property
    def stands(self) -> bool:
        """True if the restaurant may keep the money."""
        return self.is_paid and not self.is_cancelled

    @property
    def taken(self) -> int:
        """What was taken, in centavos."""
        return self.total if self.is_paid or self.refund else 0

    @property
    def given_back(self) -> int:
        """What was given back, in centavos."""
        return self.total if self.refund == "refunded" else 0

    @property
    def owed(self) -> int:
        """What is still to be given back, in centavos."""
        return 0 if self.stands else self.taken - self.given_back


class ComparedPayment(Struct, frozen=True):
    """Both sides of one payment. `is_whole`: both sides were read from the payment's beginning on."""

    payment_id: str
    order_id: str
    books: BooksSide
    facts: FactsSide | None
    is_whole: bool = True

    def differences(self) -> Iterator[Difference]:
        """Yield what the books say otherwise than the facts."""
        books, facts = self.books, self.facts
        if facts is None:
            yield "unknown-payment" if books.takings or self.is_whole else "refund-not-in-facts"
            return
        if books.takings > 1:
            yield "taken-twice"
        if facts.taken and not books.takings and self.is_whole:
            yield "not-taken"
        if self._has_other_amount(facts.total):
            yield "amount-differs"
        if books.given_back and facts.stands:
            yield "refund-not-owed"
        elif books.given_back and not facts.given_back:
            yield "refund-not-in-facts"
        if self._lacks_refund(facts):
            yield "refund-missing"
        if (books.given_back > books.taken and self.is_whole) or books.returns > max(1, books.takings):
            yield "refund-not-taken"

    def _has_other_amount(self, total: int) -> bool:
        return (self.books.takings == 1 and self.books.taken != total) or (
            self.books.returns == 1 and self.books.given_back != total
        )

    def _lacks_refund(self, facts: FactsSide) -> bool:
        if facts.stands or self.books.returns:
            return False
        return self.books.taken > 0 or (facts.taken > 0 and not self.is_whole)
