"""The buckets of one restaurant over the real domain; the commands between them are in flight until the test delivers them.

One harness has the state of all buckets, because the key of every row begins with its bucket.
"""

from collections import Counter
from functools import cache
from typing import NamedTuple

from msgspec.structs import replace

from schemas import buckets
from schemas.catalogue import Stock
from schemas.codec import ReplyAddress
from schemas.commands import Command, PlaceOrder, PutRestaurant, restaurant_of
from schemas.facts import CatalogChanged, PortionsMoved, StockReleased, StockReserved
from schemas.replies import Reply
from schemas.timestamps import EpochMs
from streams.domain.decision import Decision, ForwardedCommand, Policy
from streams.domain.timers import fire
from tables.records import EscrowState
from tables.registry import ESCROWS, STOCKS, key
from tests.support.domain.harness import NOW, DomainHarness, menu_item, place

HOME = "r1"


@cache
def _keys(count: int) -> list[list[str]]:
    """Return idempotency keys by the bucket that they fall to."""
    by_bucket: list[list[str]] = [[] for _ in range(count)]
    for i in range(2_500):
        by_bucket[buckets.choose(place(f"k{i}").idempotency_key_hash, count)].append(f"k{i}")
    return by_bucket


def key_of(number: int, count: int, nth: int = 0) -> str:
    """Return one of the idempotency keys that fall to this bucket."""
    return _keys(count)[number][nth]


class InFlightCommand(NamedTuple):
    """A command on its way from one bucket to another."""

    sender: str
    forwarded: ForwardedCommand


class EscrowHarness(DomainHarness):
    """Decides commands by bucket, and collects the replies by the caller's correlation id."""

    def __init__(self, count: int, open_rate: int = 0, now: int = NOW) -> None:
        super().__init__(now, Policy(86_400, 120, buckets=count, open_rate=open_rate))
        self.count = count
        self.in_flight: list[InFlightCommand] = []
        self.replies: dict[bytes, list[Reply]] = {}
        self.forwarded_orders = 0
        self._deciding = HOME

    @property
    def buckets(self) -> list[str]:
        """All buckets of the restaurant."""
        return [buckets.bucket(HOME, number) for number in range(self.count)]

    def decide(self, command: Command, caller: bytes = b"") -> None:
        """Let the command's bucket decide it."""
        self._deciding = restaurant_of(command) or HOME
        reply = self.do(command, ReplyAddress(0, caller) if caller else None)
        if reply is not None and caller:
            self._record_reply(caller, reply)

    def place_order(self, order: PlaceOrder, caller: bytes) -> None:
        """Let the bucket of the order's key decide it, as ingress does."""
        number = buckets.choose(order.idempotency_key_hash, self.count)
        self.decide(replace(order, restaurant_id=buckets.bucket(HOME, number)), caller)

    def apply(self, decision: Decision) -> Reply | None:
        reply = super().apply(decision)
        for forwarded in decision.forwarded_commands:
            self.in_flight.append(InFlightCommand(self._deciding, forwarded))
        deferred, self.deferred_replies = self.deferred_replies, []
        for address, deferred_reply in deferred:
            self._record_reply(address.correlation_id, deferred_reply)
        return reply

    def _record_reply(self, caller: bytes, reply: Reply) -> None:
        self.replies.setdefault(caller, []).append(reply)

    def deliver(self, index: int, twice: bool = False) -> None:
        """Deliver one of the commands in flight; `twice`: it stays in flight, too."""
        index = self._first_of_key(index % len(self.in_flight))
        _, forwarded = self.in_flight[index] if twice else self.in_flight.pop(index)
        self.forwarded_orders += isinstance(forwarded.command, PlaceOrder)
        self.decide(forwarded.command, forwarded.reply_to.correlation_id if forwarded.reply_to else b"")

    def _first_of_key(self, index: int) -> int:
        """Return the index of the first order of the same key to the same bucket: the relay lets none overtake it."""
        order = self.in_flight[index].forwarded.command
        if not isinstance(order, PlaceOrder):
            return index
        name = (order.restaurant_id, order.idempotency_key_hash)
        return next(
            index
            for index, (_, forwarded) in enumerate(self.in_flight)
            if isinstance(first := forwarded.command, PlaceOrder)
            and (first.restaurant_id, first.idempotency_key_hash) == name
        )

    def deliver_from(self, sender: str) -> None:
        """Deliver all commands in flight from one bucket."""
        for sent in [sent for sent in self.in_flight if sent.sender == sender]:
            self.deliver(self.in_flight.index(sent))

    def deliver_last_from(self, sender: str) -> None:
        """Deliver the last command of a bucket before its earlier ones."""
        last = [sent for sent in self.in_flight if sent.sender == sender][-1]
        self.deliver(self.in_flight.index(last))

    def advance_time(self, seconds: float) -> None:
        self.now = EpochMs(self.now + int(seconds * 1000))
        for timer in self.due(self.now, 500):
            self._deciding = timer.restaurant_id
            self.apply(fire(self, timer, self.now, self.policy))

    def settle(self, rounds: int = 12) -> None:
        """Deliver everything, and let time pass, until nothing is in flight and no order waits."""
        for _ in range(rounds):
            steps = 0
            while self.in_flight:
                self.deliver(0)
                steps += 1
                assert steps < 20_000, "the buckets never stop sending"
            self.advance_time(1.1)
            if not self.in_flight and not any(e.tail > e.head for e in self[ESCROWS].values()):
                return

    # --- read by tests and laws

    def outcome(self, caller: bytes) -> str:
        """Return the outcome of the one reply to a caller."""
        (reply,) = self.replies[caller]
        return reply.answer.outcome

    def escrow(self, bucket: str) -> EscrowState:
        """Return a bucket's record."""
        return self[ESCROWS].get(bucket, EscrowState())

    def stock_of(self, bucket: str, sku: str) -> Stock | None:
        """Return a bucket's stock of an item."""
        return self[STOCKS].get(key(bucket, sku))

    def free(self, bucket: str, sku: str) -> int:
        """Return the free portions of a bucket."""
        stock = self.stock_of(bucket, sku)
        return (stock.free or 0) if stock else 0

    def balance(self, bucket: str, sku: str) -> int:
        """Return the free portions of a bucket, negative by what is reserved beyond its portions."""
        stock = self.stock_of(bucket, sku)
        return (stock.portions or 0) - stock.reserved - stock.wasted if stock else 0

    def portions_in_flight(self, sku: str, promotion_id: str | None = None) -> int:
        """Return the portions that have left a bucket and not reached another."""
        total = 0
        for lender in self.buckets:
            for borrower, peer in self.escrow(lender).peers.items():
                response, theirs = peer.last_response, self.escrow(borrower).peers.get(lender)
                is_in_flight = theirs and theirs.has_open_request and response is not None
                if is_in_flight and theirs.last_request == response.number:
                    total += sum(
                        grant.quantity
                        for grant in response.grants
                        if grant.sku == sku and promotion_id in (None, grant.promotion_id)
                    )
        return total


def one_item(count: int = 4, portions: int | None = 40, **options: int) -> EscrowHarness:
    """Return the buckets of a restaurant with one item, which all of them know."""
    harness = EscrowHarness(count, **options)
    harness.decide(PutRestaurant(HOME, "Cantina", 10, 1800))
    harness.decide(menu_item("x", portions))
    harness.settle()
    return harness


def offered(harness: EscrowHarness, sku: str) -> int:
    """Return how many portions were put at the home: the growth of its stock without transfers and orders."""
    total, last = 0, 0
    for fact in harness.facts:
        if isinstance(fact, CatalogChanged):
            for stock in fact.stocks:
                if stock.sku == sku:
                    total += (stock.portions or 0) - last
                    last = stock.portions or 0
        elif isinstance(fact, PortionsMoved | StockReserved | StockReleased) and fact.restaurant_id == HOME:
            last = next((i.stock.portions or 0 for i in fact.items if i.sku == sku), last)
    return total


def transfers(harness: EscrowHarness) -> dict[str, Counter[tuple[str, str, int]]]:
    """Return how often each transfer has a fact, by direction."""
    counted: dict[str, Counter[tuple[str, str, int]]] = {"out": Counter(), "in": Counter()}
    for fact in harness.facts:
        if isinstance(fact, PortionsMoved):
            counted[fact.direction][(fact.lender, fact.borrower, fact.number)] += 1
    return counted


def allotted(harness: EscrowHarness, bucket: str, sku: str, promotion_id: str) -> int:
    """Return the portions of a bucket's allotment."""
    stock = harness.stock_of(bucket, sku)
    allotment = stock.allotments.get(promotion_id) if stock else None
    return (allotment.portions or 0) if allotment else 0
