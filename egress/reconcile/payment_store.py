"""Both sides of all payments, joined on disk: memory does not grow with the number of payments.

A temporary SQLite database holds a row of some 100 bytes for each side of a payment: 200 MB for a million payments,
with 96 MiB of memory for any number. It is deleted at the end, and nothing has to survive a crash.
"""

import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType

from egress.reconcile.books import Movement
from egress.reconcile.payment import BooksSide, ComparedPayment, FactsSide
from egress.reconcile.window import ReconcileWindow
from schemas import timestamps
from schemas.commands import CASH
from schemas.orders import Order

#: Memory of SQLite's page cache, in KiB.
CACHE_KIB = 64 * 1024

_SCHEMA = f"""
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -{CACHE_KIB};
CREATE TABLE books (
    payment TEXT PRIMARY KEY, orders TEXT, takings INT, taken INT, returns INT, given_back INT, first_at INT, last_at INT
) WITHOUT ROWID;
CREATE TABLE facts (
    payment TEXT PRIMARY KEY, orders TEXT, restaurant TEXT, version INT, total INT, is_paid INT, is_pending INT,
    is_cancelled INT, refund TEXT, created_at INT, last_at INT
) WITHOUT ROWID;
"""
_ADD_MOVEMENT = """
INSERT INTO books VALUES (?1, ?2, ?3, ?3 * ?4, 1 - ?3, (1 - ?3) * ?4, ?5, ?5)
ON CONFLICT DO UPDATE SET takings = takings + excluded.takings, taken = taken + excluded.taken,
    returns = returns + excluded.returns, given_back = given_back + excluded.given_back,
    first_at = min(first_at, excluded.first_at), last_at = max(last_at, excluded.last_at)
"""
#: Topics are read side by side, so the states of an order come in any order.
_ADD_ORDER = """
INSERT INTO facts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET version = excluded.version, is_paid = excluded.is_paid, is_pending = excluded.is_pending,
    is_cancelled = excluded.is_cancelled, refund = excluded.refund, last_at = excluded.last_at
WHERE excluded.version > version
"""
_BOOKS = "takings, taken, returns, given_back"
_FACTS = "facts.orders, restaurant, total, is_paid, is_cancelled, refund"
#: Those that changed lately, whose reservation is open, or that the window does not ask for, are left out.
_PAIRS = f"""
SELECT payment, {_FACTS}, created_at >= :read_from, {_BOOKS} FROM facts LEFT JOIN books USING (payment)
WHERE max(facts.last_at, coalesce(books.last_at, 0)) BETWEEN :since AND :settled
    AND (NOT is_pending OR created_at <= :expired) AND created_at BETWEEN :created_from AND :created_until
"""
_BOOKS_ALONE = f"""
SELECT payment, books.orders, {_BOOKS} FROM books LEFT JOIN facts USING (payment)
WHERE facts.payment IS NULL AND books.last_at BETWEEN :since AND :settled
    AND first_at BETWEEN :created_from AND :created_until
"""


class PaymentStore:
    """The two tables, for the length of a `with` block. Raises sqlite3.Error, OSError where the disk is full."""

    def __enter__(self) -> "PaymentStore":
        self._folder = tempfile.TemporaryDirectory(prefix="promo-reconcile-")
        self._database = sqlite3.connect(Path(self._folder.name) / "payments.sqlite", isolation_level=None)
        self._database.executescript(_SCHEMA)
        self._database.execute("BEGIN")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._database.close()
        self._folder.cleanup()

    def add_movements(self, movements: Iterable[Movement]) -> None:
        """Add movements of the books."""
        self._database.executemany(
            _ADD_MOVEMENT, ((m.payment_id, m.order_id, m.kind == "taken", m.amount, m.at) for m in movements)
        )

    def add_orders(self, orders: Iterable[Order]) -> None:
        """Add states of orders as facts carry them; those that are paid at the door have no payment."""
        self._database.executemany(
            _ADD_ORDER, (_row(order) for order in orders if order.payment_method != CASH)
        )

    def payments(self, window: ReconcileWindow) -> Iterator[ComparedPayment]:
        """Yield the payments that the window asks for."""
        bounds = window.bounds()
        for (
            payment,
            order,
            restaurant,
            total,
            paid,
            cancelled,
            refund,
            whole,
            *books,
        ) in self._database.execute(_PAIRS, bounds):
            facts = FactsSide(restaurant, total, bool(paid), bool(cancelled), refund)
            yield ComparedPayment(payment, order, BooksSide(*(n or 0 for n in books)), facts, bool(whole))
        for payment, order, *books in self._database.execute(_BOOKS_ALONE, bounds):
            yield ComparedPayment(payment, order, BooksSide(*books), None, window.is_unbounded)


def _row(order: Order) -> tuple[str | int, ...]:
    return (
        order.payment_id or order.order_id,
        order.order_id,
        order.restaurant_id,
        order.version,
        order.total.amount,
        order.paid,
        order.status == "pending",
        order.status == "cancelled",
        order.refund.status if order.refund else "",
        timestamps.from_text(order.created_at),
        timestamps.from_text(order.updated_at),
    )
