"""A restaurant's board: open orders, portions and figures, derived from views. Pure: `now` is an argument."""

import math
from collections import Counter, deque
from datetime import datetime

from msgspec import Struct

from ingress.live.ports import BoardView, FeedEpoch
from ingress.views.change_tracker import DEGRADED_AFTER_MS
from ingress.views.ports import UNKNOWN_AS_OF, MenuView, OrderView
from schemas import pricing, view_keys
from schemas.money import Money
from schemas.orders import FINAL, Eta, Status
from schemas.timestamps import EpochMs, to_milliseconds, to_text

#: Minutes for which confirmed orders are counted.
STATS_MINUTES = 15
_MINUTE_MS = 60_000


class RowItem(Struct, frozen=True):
    """One line of an order, as the kitchen needs it."""

    sku: str
    name: str
    quantity: int


class BoardRow(Struct, frozen=True):
    """One order on the board. `late`: still in the kitchen after the p90 of its ETA."""

    order_id: str
    status: Status
    items: list[RowItem]
    total: Money
    placed_at: str
    status_since: str
    late: bool
    eta: Eta | None


class ItemPortions(Struct, frozen=True):
    """Portions of an item; `available` null: unlimited. `held` counts portions of orders whose payment is pending."""

    sku: str
    name: str
    promotion_id: str | None
    available: int | None
    sold: int
    held: int


class BoardStats(Struct, frozen=True):
    """Confirmed orders by minute, oldest first, and seconds from `preparing` to `out_for_delivery`."""

    orders_per_minute: list[int]
    preparation_p50_seconds: float | None
    preparation_p90_seconds: float | None
    preparation_p95_seconds: float | None


class Dashboard(Struct, frozen=True):
    """The whole board: the response of the dashboard, and the snapshot of a feed."""

    restaurant_id: str
    name: str
    sequence: str
    as_of: str
    degraded: bool
    orders: list[BoardRow]
    portions: list[ItemPortions]
    stats: BoardStats


class _BoardOrder:
    """An order, with the instants that rows and figures need parsed once, in milliseconds since 1970."""

    __slots__ = (
        "ended_at",
        "expected_by",
        "is_confirmed",
        "placed_at",
        "preparation_seconds",
        "status_since",
        "view",
    )

    def __init__(self, view: OrderView) -> None:
        order = view.order
        entered_at: dict[str, int] = {}
        self.status_since = order.updated_at
        for change in view.history:
            entered_at[change.status] = _milliseconds(change.at)
            if change.status == order.status:
                self.status_since = change.at
        self.view = view
        self.placed_at = _milliseconds(order.created_at)
        self.is_confirmed = order.eta is not None
        self.expected_by = _milliseconds(order.eta.p90) if order.eta else 0
        self.ended_at = _milliseconds(self.status_since) if order.status in FINAL else None
        started, left = entered_at.get("preparing"), entered_at.get("out_for_delivery")
        self.preparation_seconds = None if started is None or left is None else max(0, left - started) / 1000


class Board:
    """One restaurant's board, as of a sequence of its feed."""

    def __init__(self, restaurant_id: str, view: BoardView) -> None:
        self.restaurant_id = restaurant_id
        self.epoch: FeedEpoch = view.epoch
        self.sequence = view.sequence
        self.menu: MenuView | None = view.menu
        #: Instant up to which the board is complete.
        self.as_of: EpochMs = view.menu.as_of if view.menu else UNKNOWN_AS_OF
        self._orders: dict[str, _BoardOrder] = {}
        for order in view.orders:
            self.put_order(order)

    def put_order(self, view: OrderView) -> None:
        """Add an order, or replace it."""
        self._orders[view.order.order_id] = _BoardOrder(view)

    def advance_as_of(self, watermark: EpochMs) -> None:
        """Record that the board is complete up to `watermark`; never goes back."""
        self.as_of = max(self.as_of, watermark)

    def prune(self, now: EpochMs) -> None:
        """Drop orders that are no longer shown."""
        self._orders = {
            order_id: order
            for order_id, order in self._orders.items()
            if order.view.order.status == "pending" or _is_shown(order, now)
        }

    def row(self, order_id: str, now: EpochMs) -> BoardRow | None:
        """Return an order's row; None if it is not shown."""
        order = self._orders.get(order_id)
        return _row(order, now) if order is not None and _is_shown(order, now) else None

    def rows(self, now: EpochMs) -> list[BoardRow]:
        """Return all rows, in the order in which the orders were placed."""
        shown = [order for order in self._orders.values() if _is_shown(order, now)]
        shown.sort(key=lambda order: (order.placed_at, order.view.order.order_id))
        return [_row(order, now) for order in shown]

    def portions(self, now: EpochMs) -> list[ItemPortions]:
        """Return the portions of each item with a stock, by name."""
        if self.menu is None:
            return []
        pending: Counter[str] = Counter()
        for order in self._orders.values():
            if order.view.order.status == "pending":
                for line in order.view.order.items:
                    pending[line.sku] += line.quantity
        portions = []
        open_promotions = pricing.index_open_promotions(self.menu.promotions, now)
        for item in self.menu.items:
            stock = self.menu.stocks.get(item.sku)
            if stock is None:
                continue
            offer = pricing.best_offer(item, stock, open_promotions.get(item.sku, ()))
            promotion_id = offer.promotion.promotion_id if offer.promotion else None
            held = min(pending[item.sku], stock.reserved)
            sold = stock.reserved - held
            portions.append(ItemPortions(item.sku, item.name, promotion_id, offer.available, sold, held))
        return sorted(portions, key=lambda row: (row.name, row.sku))

    def stats(self, now: EpochMs) -> BoardStats:
        """Return the figures of the last `STATS_MINUTES` minutes."""
        minutes: deque[int] = deque([0] * STATS_MINUTES)
        durations = []
        this_minute = now // _MINUTE_MS
        for order in self._orders.values():
            age = max(0, this_minute - order.placed_at // _MINUTE_MS)  # the broker's clock may be ahead
            if order.is_confirmed and age < STATS_MINUTES:
                minutes[STATS_MINUTES - 1 - age] += 1
            if order.preparation_seconds is not None:
                durations.append(order.preparation_seconds)
        durations.sort()
        return BoardStats(list(minutes), *(_quantile(durations, share) for share in (0.5, 0.9, 0.95)))

    def is_degraded(self, now: EpochMs) -> bool:
        """Return True if the board is more than 3 s behind (contract)."""
        return now - self.as_of > DEGRADED_AFTER_MS

    def dashboard(self, now: EpochMs) -> Dashboard:
        """Return the whole board."""
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

    def sequence_text(self, sequence: int) -> str:
        """Return a sequence as clients see it: with its epoch, since numbers of two epochs are not comparable."""
        return f"{self.epoch}-{sequence}"


def _is_shown(order: _BoardOrder, now: EpochMs) -> bool:
    if not order.is_confirmed or order.view.order.status == "pending":
        return False
    return order.ended_at is None or order.ended_at + view_keys.BOARD_TTL_SECONDS * 1000 > now


def _row(board_order: _BoardOrder, now: EpochMs) -> BoardRow:
    order = board_order.view.order
    return BoardRow(
        order_id=order.order_id,
        status=order.status,
        items=[RowItem(line.sku, line.name, line.quantity) for line in order.items],
        total=order.total,
        placed_at=order.created_at,
        status_since=board_order.status_since,
        late=order.status in ("received", "preparing") and now > board_order.expected_by,
        eta=order.eta,
    )


def _quantile(ordered: list[float], share: float) -> float | None:
    """Return the nearest-rank quantile; None for an empty list."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None


def _milliseconds(instant: str) -> EpochMs:
    return to_milliseconds(datetime.fromisoformat(instant))
