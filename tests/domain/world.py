"""A partition's state in dicts, and short ways to say what tests mean."""

import copy
from typing import Any

from schemas.codec import ReplyAddress
from schemas.commands import (
    Command,
    CustomerRef,
    Line,
    Payment,
    PaymentMethod,
    PlaceOrder,
    PromotionItem,
    PutMenuItem,
    PutPromotion,
    PutRestaurant,
)
from schemas.facts import Fact
from schemas.identity import fingerprint, key_hash, order_id
from schemas.money import Money
from schemas.payments import PaymentRequest
from schemas.replies import Reply
from streams.domain.decide import decide
from streams.domain.decision import Decision, Policy
from streams.domain.evolve import evolve
from streams.domain.state import Change
from streams.domain.timers import MAX_AT_ONCE, fire
from tables.records import Timer
from tables.registry import TABLES, key

NOW = 1_767_225_600_000  # 2026-01-01T00:00:00Z
TTL = 86_400
RESERVATION = 120
POLICY = Policy(TTL, RESERVATION)
ASKER = ReplyAddress(0, b"me")
SEALED = b"what only the key of the order opens"


class World:
    """The real decide and evolve over dicts; remembers every fact."""

    def __init__(self, now: int = NOW, policy: Policy = POLICY) -> None:
        self.now = now
        self.policy = policy
        self.tables: dict[str, dict[str, Any]] = {spec.name: {} for spec in TABLES}
        self.facts: list[Fact] = []
        self.requests: list[PaymentRequest] = []
        self.waited: list[tuple[ReplyAddress, Reply]] = []

    def __getattr__(self, name: str) -> dict[str, Any]:
        try:
            return self.__dict__["tables"][name]
        except KeyError:
            raise AttributeError(name) from None

    def do(self, command: Command, asker: ReplyAddress | None = ASKER) -> Reply | None:
        """Decide a command; returns the reply to who asked."""
        return self.carry_out(decide(self, command, self.now, self.policy, asker))

    def carry_out(self, decision: Decision) -> Reply | None:
        for fact in decision.facts:
            self.learn(fact)
        for change in decision.notes:
            self._put(change)
        self.requests.extend(decision.requests)
        self.waited.extend(decision.waited)
        return decision.reply

    def pass_time(self, seconds: float) -> None:
        """Let time pass, and a tick with it."""
        self.now += int(seconds * 1000)
        for timer in self.due(self.now, MAX_AT_ONCE):
            self.carry_out(fire(self, timer, self.now, self.policy))

    def due(self, now: int, limit: int) -> list[Timer]:
        keys = sorted(k for k in self.tables["timers"] if k < f"{now + 1:015d}")
        return [self.tables["timers"][k] for k in keys[:limit]]

    def learn(self, fact: Fact) -> None:
        self.facts.append(fact)
        for change in evolve(self, fact, self.policy):
            self._put(change)

    def _put(self, change: Change) -> None:
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
    method: PaymentMethod = "cash",
) -> PlaceOrder:
    price = Money(expected) if expected is not None else None
    return PlaceOrder(
        order_id=order_id(restaurant, key_),
        restaurant_id=restaurant,
        idempotency_key_hash=key_hash(restaurant, key_),
        request_fingerprint=fingerprint(f"{lines}{customer}{expected}{body}".encode()),
        items=[Line(sku, quantity, price) for sku, quantity in lines],
        payment=Payment(method),
        customer=CustomerRef(customer) if customer else None,
        personal=SEALED,
    )
