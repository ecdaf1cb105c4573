"""A restaurant's board: open orders, portions, figures; folded from views. Pure."""

import math
from collections import Counter, deque
from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct

from ingress.live.feeds import BoardView, Line
from ingress.views import MenuView, OrderView
from schemas import offer, views
from schemas.instants import to_milliseconds, to_text
from schemas.money import Money
from schemas.orders import FINAL, Eta, Status

#: Minutes of which the orders are counted.
MINUTES = 15
_MINUTE_MS = 60_000
#: Age from which a board is degraded, in milliseconds.
STALE_MS = 3_000


class RowItem(Struct, frozen=True):
    """One line of an order, as the kitchen needs it."""

    sku: str
    name: str
    quantity: int


class Row(Struct, frozen=True):
    """One order on the board. `late`: still in the kitchen when it was expected, with 90 %, to have left."""

    order_id: str
    status: Status
    items: list[RowItem]
    total: Money
    placed_at: str
    status_since: str
    late: bool
    eta: Eta | None


class Portions(Struct, frozen=True):
    """What there is of an item; `available` null: unlimited. `held` are portions of orders that are being paid."""

    sku: str
    name: str
    promotion_id: str | None
    available: int | None
    sold: int
    held: int


class Stats(Struct, frozen=True):
    """Confirmed orders by minute, the oldest first; seconds from `preparing` to `out_for_delivery`."""

    orders_per_minute: list[int]
    preparation_p50_seconds: float | None
    preparation_p90_seconds: float | None
    preparation_p95_seconds: float | None


class Dashboard(Struct, frozen=True):
    """All of a board: the answer of the dashboard, and a feed's snapshot."""

    restaurant_id: str
    name: str
    sequence: str
    as_of: str
    degraded: bool
    orders: list[Row]
    portions: list[Portions]
    stats: Stats


class _Entry:
    """An order with what is asked of it often, in milliseconds since 1970."""

    __slots__ = ("confirmed", "due", "ended_at", "placed_at", "prepared_in", "since", "view")

    def __init__(self, view: OrderView) -> None:
        order = view.order
        at: dict[str, int] = {}
        self.since = order.updated_at
        for change in view.history:
            at[change.status] = _milliseconds(change.at)
            if change.status == order.status:
                self.since = change.at
        self.view = view
        self.placed_at = _milliseconds(order.created_at)
        self.confirmed = order.eta is not None
        self.due = _milliseconds(order.eta.p90) if order.eta else 0
        self.ended_at = _milliseconds(self.since) if order.status in FINAL else None
        started, left = at.get("preparing"), at.get("out_for_delivery")
        self.prepared_in = None if started is None or left is None else max(0, left - started) / 1000


class Board:
    """One restaurant's board; times are milliseconds since 1970."""

    def __init__(self, restaurant_id: str, view: BoardView) -> None:
        """Begin with all that was read."""
        self.restaurant_id = restaurant_id
        self.line: Line = view.line
        self.sequence = view.sequence
        self.menu: MenuView | None = view.menu
        self.as_of = view.menu.as_of if view.menu else 0  # until when it holds all; 0: not known
        self._entries: dict[str, _Entry] = {}
        for order in view.orders:
            self.put(order)

    def put(self, view: OrderView) -> None:
        """Take an order as it now is."""
        self._entries[view.order.order_id] = _Entry(view)

    def prune(self, now: int) -> None:
        """Let go of what is not shown any more."""
        gone = [
            order_id
            for order_id, entry in self._entries.items()
            if entry.view.order.status != "pending" and not _is_shown(entry, now)
        ]
        for order_id in gone:
            del self._entries[order_id]

    def row(self, order_id: str, now: int) -> Row | None:
        """Return an order's row; None where it is not shown."""
        entry = self._entries.get(order_id)
        return _row(entry, now) if entry is not None and _is_shown(entry, now) else None

    def rows(self, now: int) -> list[Row]:
        """Return all rows, in the order in which the orders were placed."""
        shown = [entry for entry in self._entries.values() if _is_shown(entry, now)]
        shown.sort(key=lambda entry: (entry.placed_at, entry.view.order.order_id))
        return [_row(entry, now) for entry in shown]

    def portions(self, now: int) -> list[Portions]:
        """Return what there is of each item, by name."""
        if self.menu is None:
            return []
        held: Counter[str] = Counter()
        for entry in self._entries.values():
            if entry.view.order.status == "pending":
                for line in entry.view.order.items:
                    held[line.sku] += line.quantity
        rows = []
        for item in self.menu.items:
            stock = self.menu.stocks.get(item.sku)
            if stock is None:
                continue
            offered = offer.of(item, stock, self.menu.promotions, now)
            promotion_id = offered.promotion.promotion_id if offered.promotion else None
            waiting = min(held[item.sku], stock.reserved)
            sold = stock.reserved - waiting
            rows.append(Portions(item.sku, item.name, promotion_id, offered.available, sold, waiting))
        return sorted(rows, key=lambda row: (row.name, row.sku))

    def stats(self, now: int) -> Stats:
        """Return the figures of the last quarter of an hour."""
        minutes: deque[int] = deque([0] * MINUTES)
        durations = []
        this_minute = now // _MINUTE_MS
        for entry in self._entries.values():
            age = max(0, this_minute - entry.placed_at // _MINUTE_MS)  # the broker's clock may be ahead
            if entry.confirmed and age < MINUTES:
                minutes[MINUTES - 1 - age] += 1
            if entry.prepared_in is not None:
                durations.append(entry.prepared_in)
        durations.sort()
        return Stats(list(minutes), *(_quantile(durations, share) for share in (0.5, 0.9, 0.95)))

    def is_degraded(self, now: int) -> bool:
        """Say whether it is more than 3 s behind (contract)."""
        return now - self.as_of > STALE_MS

    def dashboard(self, now: int) -> Dashboard:
        """Return all of it."""
        return Dashboard(
            restaurant_id=self.restaurant_id,
            name=self.menu.restaurant.name if self.menu else self.restaurant_id,
            sequence=self.sequence_text(self.sequence),
            as_of=to_text(self.as_of),
            degraded=self.is_degraded(now),
            orders=self.rows(now),
            portions=self.portions(now),
            stats=self.stats(now),
        )

    def sequence_text(self, number: int) -> str:
        """Return how clients name a number of this line."""
        return f"{self.line}-{number}"


def changed_portions(before: Mapping[str, Portions], after: list[Portions]) -> list[Portions]:
    """Return the rows that are not as they were."""
    return [row for row in after if before.get(row.sku) != row]


def _is_shown(entry: _Entry, now: int) -> bool:
    if not entry.confirmed or entry.view.order.status == "pending":
        return False
    return entry.ended_at is None or entry.ended_at + views.BOARD_SECONDS * 1000 > now


def _row(entry: _Entry, now: int) -> Row:
    order = entry.view.order
    return Row(
        order_id=order.order_id,
        status=order.status,
        items=[RowItem(line.sku, line.name, line.quantity) for line in order.items],
        total=order.total,
        placed_at=order.created_at,
        status_since=entry.since,
        late=order.status in ("received", "preparing") and now > entry.due,
        eta=order.eta,
    )


def _quantile(ordered: list[float], share: float) -> float | None:
    """Return the nearest-rank quantile; None of nothing."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None


def _milliseconds(instant: str) -> int:
    return to_milliseconds(datetime.fromisoformat(instant))
