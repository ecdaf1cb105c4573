"""A partition's state in dicts, and short ways to say what tests mean."""

import copy
from typing import Any

from schemas.commands import (
    Address,
    Command,
    Customer,
    Line,
    Payment,
    PlaceOrder,
    PromotionItem,
    PutMenuItem,
    PutPromotion,
    PutRestaurant,
)
from schemas.facts import Fact
from schemas.identity import fingerprint, key_hash, order_id
from schemas.money import Money
from schemas.replies import Reply
from streams.domain.decide import decide
from streams.domain.evolve import evolve
from tables.registry import TABLES, key

NOW = 1_767_225_600_000  # 2026-01-01T00:00:00Z
TTL = 86_400
ADDRESS = Address("Rua A", "10", "Centro", "Recife", "50000-000")


class World:
    """The real decide and evolve over dicts; remembers every fact."""

    def __init__(self, now: int = NOW) -> None:
        self.now = now
        self.tables: dict[str, dict[str, Any]] = {spec.name: {} for spec in TABLES}
        self.facts: list[Fact] = []

    def __getattr__(self, name: str) -> dict[str, Any]:
        try:
            return self.__dict__["tables"][name]
        except KeyError:
            raise AttributeError(name) from None

    def do(self, command: Command) -> Reply | None:
        decision = decide(self, command, self.now)
        for fact in decision.facts:
            self.learn(fact)
        return decision.reply

    def learn(self, fact: Fact) -> None:
        self.facts.append(fact)
        for change in evolve(self, fact, TTL):
            if change.record is None:
                self.tables[change.table.name].pop(change.key, None)
            else:
                self.tables[change.table.name][change.key] = change.record

    def snapshot(self) -> dict[str, dict[str, Any]]:
        return copy.deepcopy(self.tables)

    def open(self, restaurant: str = "r1", **portions: int | None) -> "World":
        self.do(PutRestaurant(restaurant, "Cantina", 10, 1800))
        for sku, count in portions.items():
            self.do(menu_item(sku, count, restaurant=restaurant))
        return self

    def order(self, key_: str, *lines: tuple[str, int], **options: Any) -> Reply:
        reply = self.do(place(key_, *lines, **options))
        assert reply is not None
        return reply

    def stock(self, sku: str, restaurant: str = "r1") -> Any:
        return self.tables["stocks"][key(restaurant, sku)]


def menu_item(sku: str, portions: int | None, *, price: int = 1000, restaurant: str = "r1") -> PutMenuItem:
    return PutMenuItem(restaurant, sku, sku.title(), "", "geral", Money(price), portions)


def promotion(
    *items: PromotionItem, id_: str = "p1", starts: int = NOW - 1000, ends: int = NOW + 900_000
) -> PutPromotion:
    return PutPromotion("r1", id_, starts, ends, list(items))


def place(
    key_: str,
    *lines: tuple[str, int],
    restaurant: str = "r1",
    customer: str | None = None,
    expected: int | None = None,
    body: str = "",
) -> PlaceOrder:
    price = Money(expected) if expected is not None else None
    return PlaceOrder(
        order_id=order_id(restaurant, key_),
        restaurant_id=restaurant,
        idempotency_key_hash=key_hash(restaurant, key_),
        request_fingerprint=fingerprint(f"{lines}{customer}{expected}{body}".encode()),
        items=[Line(sku, quantity, price) for sku, quantity in lines],
        delivery_address=ADDRESS,
        payment=Payment("cash"),
        customer=Customer(customer) if customer else None,
    )
