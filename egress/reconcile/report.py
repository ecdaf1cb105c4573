"""What a comparison prints: a line for each payment that differs, and a summary."""

from collections import Counter
from collections.abc import Iterable, Iterator

from egress.reconcile.payment import ComparedPayment

#: Lines of differences that are printed; the summary counts all.
MAX_LINES = 1000

HEADER = "difference\tpayment\torder\trestaurant\tbooks taken\tbooks given back\tfacts taken\tfacts given back\tfacts owed"


class ReconcileReport:
    """Counts payments and differences."""

    def __init__(self) -> None:
        self.payments = 0
        self.unreadable_facts = 0
        self._differing = 0
        self._kinds: Counter[str] = Counter()

    @property
    def exit_status(self) -> int:
        """2 if a fact could not be read, which may be a cancellation with money owed; else 1 if books and facts differ."""
        return 2 if self.unreadable_facts else int(self._differing > 0)

    def lines(self, payments: Iterable[ComparedPayment]) -> Iterator[str]:
        """Yield a line for each payment that differs, of at most MAX_LINES, after a header."""
        for payment in payments:
            self.payments += 1
            kinds = list(payment.differences())
            if not kinds:
                continue
            self._kinds.update(kinds)
            if not self._differing:
                yield HEADER
            self._differing += 1
            if self._differing <= MAX_LINES:
                yield f"{','.join(kinds)}\t{_values(payment)}"

    def summary(self) -> str:
        """Return one line: how many payments were compared, and how many differ in what."""
        kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(self._kinds.items()))
        parts = [f"{self.payments} payments compared, {self._differing} differ"]
        parts += [kinds] if kinds else []
        parts += [f"{self.unreadable_facts} facts could not be read"] if self.unreadable_facts else []
        return "; ".join(parts)


def _values(payment: ComparedPayment) -> str:
    books, facts = payment.books, payment.facts
    known = [facts.taken, facts.given_back, facts.owed] if facts else ["-", "-", "-"]
    restaurant = facts.restaurant_id if facts else "-"
    values = [payment.payment_id, payment.order_id, restaurant, books.taken, books.given_back, *known]
    return "\t".join(map(str, values))
