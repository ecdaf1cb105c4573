"""Facts as streams would write them, for any history: state and versions grow one by one."""

import time

from hypothesis import strategies as st

from schemas.catalogue import Item, Promotion, Restaurant, Stock
from schemas.commands import Address, PromotionItem
from schemas.facts import (
    CatalogChanged,
    Fact,
    OrderConfirmed,
    OrderCreated,
    OrderFailed,
    ReservedItem,
    StockReserved,
)
from schemas.instants import to_text
from schemas.money import Money
from schemas.orders import Eta, OrderLine, Shortage

RESTAURANT = "r1"
PARTITION = 5
#: When stories begin, in milliseconds since 1970: lately, since what is old expires.
BEGINNING = time.time_ns() // 1_000_000
ADDRESS = Address("Rua A", "10", "Centro", "Recife", "50000-000")


class Story:
    """Writes facts of one restaurant with one item; each call is one decision."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self.versions: dict[str, int] = {}
        self.orders = 0
        self.stock = Stock("coxinha", 0, 100)

    def _next(self, name: str) -> int:
        self.versions[name] = self.versions.get(name, 0) + 1
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
        self.stock = Stock("coxinha", self.stock.version + 1, 100 + version, self.stock.reserved)
        item = Item("coxinha", "Coxinha", "", "salgado", Money(100 * version), version)
        self.facts.append(CatalogChanged(RESTAURANT, self._at, version, item=item, stocks=[self.stock]))

    def put_promotion(self) -> None:
        version = self._next("promotion")
        items = [PromotionItem("coxinha", Money(50))]
        promotion = Promotion("p1", version, 1000 + version, items, version)
        self.facts.append(CatalogChanged(RESTAURANT, self._at, version, promotion=promotion))

    def order(self, confirmed: bool) -> None:
        self.orders += 1
        order_id, created_at = f"o{self.orders}", self._at
        lines, total = [OrderLine("coxinha", "Coxinha", 2, Money(100))], Money(200)
        common = ("pix", "hash", "fingerprint")
        self.facts.append(OrderCreated(order_id, RESTAURANT, lines, total, *common, ADDRESS, created_at, 1))
        if not confirmed:
            shortages = [Shortage("coxinha", 1)]
            self.facts.append(
                OrderFailed(
                    order_id,
                    RESTAURANT,
                    lines,
                    total,
                    *common,
                    reason="out_of_stock",
                    skus=["coxinha"],
                    created_at=created_at,
                    occurred_at=self._at,
                    version=2,
                    shortages=shortages,
                )
            )
            return
        self.stock = Stock("coxinha", self.stock.version + 1, self.stock.portions, self.stock.reserved + 2)
        reserved = ReservedItem("coxinha", 2, self.stock.free, self.stock.version, self.stock)
        self.facts.append(StockReserved(RESTAURANT, order_id, [reserved], self._at))
        self.facts.append(
            OrderConfirmed(
                order_id,
                RESTAURANT,
                lines,
                total,
                *common,
                eta=Eta("a", "b"),
                created_at=created_at,
                occurred_at=self._at,
                version=2,
            )
        )


_STEPS = st.sampled_from(["put_restaurant", "put_item", "put_promotion", "confirmed", "failed"])


def _tell(steps: list[str]) -> Story:
    story = Story()
    for step in steps:
        if step in ("confirmed", "failed"):
            story.order(step == "confirmed")
        else:
            getattr(story, step)()
    return story


#: Any history of up to a dozen decisions.
stories = st.lists(_STEPS, max_size=12).map(_tell)
