"""Facts as streams would write them, for any history: states and versions grow one by one."""

import time
from typing import Any

from hypothesis import strategies as st

from schemas.catalogue import Item, Promotion, Restaurant, Stock
from schemas.commands import PromotionItem
from schemas.facts import (
    CatalogChanged,
    Fact,
    OrderCancelled,
    OrderConfirmed,
    OrderCreated,
    OrderFailed,
    OrderStatusChanged,
    PaymentRefunded,
    ReservedItem,
    StockReleased,
    StockReserved,
)
from schemas.money import Money
from schemas.orders import Eta, Order, OrderLine, Refund, Shortage
from schemas.timestamps import to_text

RESTAURANT = "r1"
PARTITION = 5
#: When stories begin, in milliseconds since 1970: now, since old views expire.
BEGINNING = time.time_ns() // 1_000_000
SEALED = b"sealed personal data"

#: The statuses that an order may get after it was confirmed.
LIVES = (
    (),
    ("preparing",),
    ("preparing", "out_for_delivery", "delivered"),
    ("cancelled",),
    ("preparing", "cancelled"),
    ("cancelled", "refunded"),
)


class Story:
    """Writes facts of one restaurant with one item; each call is one decision."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self.versions: dict[str, int] = {}
        self.orders: dict[str, Order] = {}
        self.histories: dict[str, dict[str, str]] = {}  # when each order got each status
        self.stock = Stock("coxinha", 0, 100)
        self.deleted_version = 0

    def _next(self, name: str) -> int:
        self.versions[name] = self.versions.get(name, self.deleted_version) + 1
        return self.versions[name]

    @property
    def _at(self) -> str:
        return to_text(BEGINNING + 1_000 * len(self.facts))

    def put_restaurant(self) -> None:
        version = self._next("restaurant")
        restaurant = Restaurant(RESTAURANT, f"Bar {version}", 10, 1800, version)
        self.facts.append(CatalogChanged(RESTAURANT, self._at, version, restaurant=restaurant))

    def put_item(self) -> None:
        version = self._next("item")
        stock_version = self.stock.version + 1 if self.stock.version else version
        self.stock = Stock("coxinha", stock_version, 100 + version, self.stock.reserved)
        item = Item("coxinha", "Coxinha", "", "salgado", Money(100 * version), version)
        self.facts.append(CatalogChanged(RESTAURANT, self._at, version, item=item, stocks=[self.stock]))

    def put_promotion(self) -> None:
        version = self._next("promotion")
        items = [PromotionItem("coxinha", Money(50))]
        promotion = Promotion("p1", version, 1000 + version, items, version)
        self.facts.append(CatalogChanged(RESTAURANT, self._at, version, promotion=promotion))

    def delete(self, name: str) -> None:
        """Delete the `restaurant`, the `item` or the `promotion`, if there is one.

        Not if there is a stock without an item: no catalogue has that, and a view relies on it.
        """
        if name not in self.versions or ("item" not in self.versions and self.stock.version):
            return
        version = self.versions.pop(name)
        if name == "item":
            version = max(version, self.stock.version)
            self.stock = Stock("coxinha", 0, 100)
        self.deleted_version = max(version, self.deleted_version) + 1
        deleted = {"restaurant": RESTAURANT, "item": "coxinha", "promotion": "p1"}[name]
        fact = CatalogChanged(RESTAURANT, self._at, self.deleted_version, **{f"deleted_{name}": deleted})
        self.facts.append(fact)

    def order(self, confirmed: bool, life: tuple[str, ...] = ()) -> None:
        """Place an order, and give it its life; not of an item that was deleted."""
        if self.deleted_version and not self.stock.version:
            return
        order_id = f"o{len(self.orders) + 1}"
        order = Order(
            order_id=order_id,
            restaurant_id=RESTAURANT,
            status="pending",
            items=[OrderLine("coxinha", "Coxinha", 2, Money(100))],
            total=Money(200),
            payment_method="pix",
            idempotency_key_hash="hash",
            created_at=self._at,
            updated_at=self._at,
            version=0,
        )
        self._append(OrderCreated, order, request_fingerprint="f", personal=SEALED)
        if not confirmed:
            shortages, order = [Shortage("coxinha", 1)], self.orders[order_id]
            refusal = {"status": "cancelled", "reason": "out_of_stock", "shortages": shortages}
            self._append(OrderFailed, order, request_fingerprint="f", skus=["coxinha"], **refusal)
            return
        self.facts.append(StockReserved(RESTAURANT, order_id, [self._reserve(2)], self._at))
        order = self.orders[order_id]
        confirmation = {"status": "received", "eta": Eta(self._at, self._at), "paid": True}
        self._append(OrderConfirmed, order, request_fingerprint="f", **confirmation)
        for step in life:
            self.advance(self.orders[order_id], step)

    def advance(self, order: Order, step: str) -> None:
        """Give a confirmed order its next status."""
        if step == "refunded":
            self._append(PaymentRefunded, order, refund=Refund("refunded", order.total))
        elif step == "cancelled":
            refund = Refund("pending", order.total)
            self._append(OrderCancelled, order, status="cancelled", reason="customer", refund=refund)
            released = StockReleased(
                RESTAURANT, order.order_id, [self._reserve(-2)], order.status == "preparing", self._at
            )
            self.facts.append(released)
        else:
            self._append(OrderStatusChanged, order, status=step)

    def _append(self, cls: type[Any], order: Order, **changes: Any) -> None:
        fields = {name: getattr(order, name) for name in Order.__struct_fields__}
        fields |= {"version": order.version + 1, "updated_at": self._at} | changes
        fact = cls(occurred_at=self._at, **fields)
        self.facts.append(fact)
        known = {name: getattr(fact, name) for name in Order.__struct_fields__}
        self.orders[fact.order_id] = Order(**known)
        self.histories.setdefault(fact.order_id, {}).setdefault(fact.status, fact.updated_at)

    def _reserve(self, quantity: int) -> ReservedItem:
        stock = self.stock
        self.stock = Stock("coxinha", stock.version + 1, stock.portions, stock.reserved + quantity)
        return ReservedItem("coxinha", abs(quantity), self.stock.free, self.stock.version, self.stock)


_STEPS = st.one_of(
    st.sampled_from(["put_restaurant", "put_item", "put_promotion", "failed"]),
    st.sampled_from(["delete restaurant", "delete item", "delete promotion"]),
    st.sampled_from(LIVES),
)


def _story(steps: list[str | tuple[str, ...]]) -> Story:
    story = Story()
    for step in steps:
        if isinstance(step, tuple):
            story.order(True, step)
        elif step == "failed":
            story.order(False)
        elif step.startswith("delete "):
            story.delete(step.removeprefix("delete "))
        else:
            getattr(story, step)()
    return story


#: Any history of up to a dozen decisions.
stories = st.lists(_STEPS, max_size=12).map(_story)
