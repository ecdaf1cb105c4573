"""The domain over dicts, and short ways to write commands."""

import copy
from typing import Any

from schemas.catalogue import Stock
from schemas.codec import ReplyAddress
from schemas.commands import (
    Command,
    CustomerRef,
    Payment,
    PaymentMethod,
    PlaceOrder,
    PromotionItem,
    PutMenuItem,
    PutPromotion,
    PutRestaurant,
    RequestedItem,
)
from schemas.facts import Fact
from schemas.identity import fingerprint, key_hash, order_id
from schemas.money import Money
from schemas.payments import PaymentRequest
from schemas.replies import Reply
from schemas.timestamps import EpochMs
from streams.domain import evolve
from streams.domain.decide import decide
from streams.domain.decision import Decision, Policy
from streams.domain.state import Change
from streams.domain.timers import MAX_TIMERS_PER_BATCH, fire
from tables.records import Timer
from tables.registry import STOCKS, TABLES, TIMERS, TableSpec, key

NOW = 1_767_225_600_000  # 2026-01-01T00:00:00Z
TTL = 86_400
RESERVATION = 120
POLICY = Policy(TTL, RESERVATION, refusal_retention_seconds=TTL)
CALLER = ReplyAddress(0, b"me")
SEALED = b"sealed with the key of the order"


class DomainHarness:
    """A WritableState over dicts, decided by the real `decide` and `fire`; records every fact."""

    def __init__(self, now: int = NOW, policy: Policy = POLICY) -> None:
        self.now = EpochMs(now)
        self.policy = policy
        self.tables: dict[str, dict[str, Any]] = {spec.name: {} for spec in TABLES}
        self.facts: list[Fact] = []
        self.payment_requests: list[PaymentRequest] = []
        self.deferred_replies: list[tuple[ReplyAddress, Reply]] = []

    def __getitem__(self, table: TableSpec[Any]) -> dict[str, Any]:
        return self.tables[table.name]

    def put(self, change: Change[Any]) -> None:
        """Put a change into its table."""
        if change.record is None:
            self[change.table].pop(change.key, None)
        else:
            self[change.table][change.key] = change.record

    def do(self, command: Command, reply_to: ReplyAddress | None = CALLER) -> Reply | None:
        """Decide a command and apply the decision; return the reply to the caller."""
        return self.apply(decide(self, command, self.now, self.policy, reply_to))

    def apply(self, decision: Decision) -> Reply | None:
        """Apply a decision; return its reply."""
        evolve.apply(self, decision, self.policy)
        self.facts.extend(decision.facts)
        self.payment_requests.extend(decision.payment_requests)
        self.deferred_replies.extend(decision.deferred_replies)
        return decision.reply

    def advance_time(self, seconds: float) -> None:
        """Move the clock, and fire the timers that are then due, as a tick does."""
        self.now = EpochMs(self.now + int(seconds * 1000))
        for timer in self.due(self.now, MAX_TIMERS_PER_BATCH):
            self.apply(fire(self, timer, self.now, self.policy))

    def due(self, now: int, limit: int) -> list[Timer]:
        """Return the timers that are due, earliest first."""
        keys = sorted(k for k in self[TIMERS] if k < f"{now + 1:015d}")
        return [self[TIMERS][k] for k in keys[:limit]]

    def snapshot(self) -> dict[str, dict[str, Any]]:
        """Return a copy of all tables."""
        return copy.deepcopy(self.tables)

    def open(self, restaurant: str = "r1", **portions: int | None) -> "DomainHarness":
        """Create a restaurant with these items on its menu."""
        self.do(PutRestaurant(restaurant, "Cantina", 10, 1800))
        for sku, count in portions.items():
            self.do(menu_item(sku, count, restaurant=restaurant))
        return self

    def place(self, key_: str, *lines: tuple[str, int], **options: Any) -> Reply:
        """Place an order that is decided at once; return the reply."""
        reply = self.do(place(key_, *lines, **options))
        assert reply is not None
        return reply

    def stock(self, sku: str, restaurant: str = "r1") -> Stock:
        """Return the stock of an item."""
        return self[STOCKS][key(restaurant, sku)]


def menu_item(sku: str, portions: int | None, *, price: int = 1000, restaurant: str = "r1") -> PutMenuItem:
    """Return the PUT of an item."""
    return PutMenuItem(restaurant, sku, sku.title(), "", "geral", Money(price), portions)


def promotion(
    *items: PromotionItem, id_: str = "p1", starts: int = NOW - 1000, ends: int = NOW + 900_000
) -> PutPromotion:
    """Return the PUT of a promotion that is open at NOW."""
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
    """Return an order of these lines; `expected` is the unit price that the customer was shown, in centavos."""
    price = Money(expected) if expected is not None else None
    return PlaceOrder(
        order_id=order_id(restaurant, key_),
        restaurant_id=restaurant,
        idempotency_key_hash=key_hash(restaurant, key_),
        request_fingerprint=fingerprint(f"{lines}{customer}{expected}{body}".encode()),
        items=[RequestedItem(sku, quantity, price) for sku, quantity in lines],
        payment=Payment(method),
        customer=CustomerRef(customer) if customer else None,
        personal=SEALED,
    )
