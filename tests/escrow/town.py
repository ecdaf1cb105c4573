"""The buckets of a restaurant over the real decide and evolve; what they send each other waits until it is delivered.

One World holds the state of all buckets, since every key of a table begins with its bucket.
"""

from collections import Counter
from functools import cache
from typing import NamedTuple

from msgspec.structs import replace

from schemas import buckets
from schemas.codec import ReplyAddress
from schemas.commands import Command, PlaceOrder
from schemas.facts import CatalogChanged, PortionsMoved, StockReleased, StockReserved
from schemas.replies import Reply
from streams.domain.decision import Decision, Onward, Policy
from streams.domain.timers import fire
from tables.records import Escrow
from tables.registry import key
from tests.domain.world import NOW, World, place

HOME = "r1"


@cache
def _keys(count: int) -> list[list[str]]:
    """Return keys by the bucket that they fall to."""
    by_bucket: list[list[str]] = [[] for _ in range(count)]
    for i in range(2_500):
        by_bucket[buckets.choose(place(f"k{i}").idempotency_key_hash, count)].append(f"k{i}")
    return by_bucket


def key_of(number: int, count: int, nth: int = 0) -> str:
    """Return one of the keys that fall to this bucket."""
    return _keys(count)[number][nth]


class Letter(NamedTuple):
    """A command under way from one bucket to another."""

    sender: str
    onward: Onward


class Town(World):
    """Commands by bucket; replies by the correlation id of who asked."""

    def __init__(self, count: int, open_rate: int = 0, now: int = NOW) -> None:
        super().__init__(now, Policy(86_400, 120, buckets=count, open_rate=open_rate))
        self.count = count
        self.under_way: list[Letter] = []
        self.replies: dict[bytes, list[Reply]] = {}
        self.passed_on = 0
        self._at = HOME

    @property
    def buckets(self) -> list[str]:
        """All buckets of the restaurant."""
        return [buckets.bucket(HOME, n) for n in range(self.count)]

    def tell(self, command: Command, asker: bytes = b"") -> None:
        """A bucket reads a command."""
        self._at = getattr(command, "restaurant_id", HOME)
        address = ReplyAddress(0, asker) if asker else None
        reply = self.do(command, address)
        if reply is not None and asker:
            self._answered(asker, reply)

    def ask_for(self, order: PlaceOrder, asker: bytes) -> None:
        """A customer orders: the command goes to the bucket of its key."""
        number = buckets.choose(order.idempotency_key_hash, self.count)
        self.tell(replace(order, restaurant_id=buckets.bucket(HOME, number)), asker)

    def carry_out(self, decision: Decision) -> Reply | None:
        reply = super().carry_out(decision)
        for onward in decision.onward:
            self.under_way.append(Letter(self._at, onward))
        waited, self.waited = self.waited, []
        for address, answered in waited:
            self._answered(address.correlation_id, answered)
        return reply

    def _answered(self, asker: bytes, reply: Reply) -> None:
        self.replies.setdefault(asker, []).append(reply)

    def deliver(self, index: int, twice: bool = False) -> None:
        """One of the commands under way arrives; or it arrives and is still under way."""
        index %= len(self.under_way)
        letter = self.under_way[index] if twice else self.under_way.pop(index)
        command, asker = letter.onward.command, letter.onward.asker
        self.passed_on += isinstance(command, PlaceOrder)
        self.tell(command, asker.correlation_id if asker else b"")

    def deliver_all(self, sender: str) -> None:
        """All that one bucket has sent until now arrives."""
        for letter in [letter for letter in self.under_way if letter.sender == sender]:
            self.deliver(self.under_way.index(letter))

    def deliver_last(self, sender: str) -> None:
        """What a bucket sent last arrives before what it sent earlier."""
        last = [letter for letter in self.under_way if letter.sender == sender][-1]
        self.deliver(self.under_way.index(last))

    def pass_time(self, seconds: float) -> None:
        self.now += int(seconds * 1000)
        for timer in self.due(self.now, 500):
            self._at = timer.restaurant_id
            self.carry_out(fire(self, timer, self.now, self.policy))

    def settle(self, rounds: int = 12) -> None:
        """Let everything arrive, and time pass, until nothing is under way or waits."""
        for _ in range(rounds):
            steps = 0
            while self.under_way:
                self.deliver(0)
                steps += 1
                assert steps < 20_000, "buckets never stop talking"
            self.pass_time(1.1)
            if not self.under_way and not any(e.tail > e.head for e in self.escrows.values()):
                return

    # --- what the laws look at

    def escrow(self, bucket: str) -> Escrow:
        return self.escrows.get(bucket, Escrow())

    def stock_of(self, bucket: str, sku: str):
        return self.stocks.get(key(bucket, sku))

    def free(self, bucket: str, sku: str) -> int:
        stock = self.stock_of(bucket, sku)
        return (stock.free or 0) if stock else 0

    def flying(self, sku: str, promotion_id: str | None = None) -> int:
        """Portions that have left a bucket and not come to another."""
        total = 0
        for lender in self.buckets:
            for borrower, peer in self.escrow(lender).peers.items():
                theirs = self.escrow(borrower).peers.get(lender)
                if peer.answer and theirs and theirs.is_awaited and theirs.asked == peer.answer.number:
                    total += sum(
                        g.quantity
                        for g in peer.answer.given
                        if g.sku == sku and promotion_id in (None, g.promotion_id)
                    )
        return total


def offered(town: Town, sku: str) -> int:
    """Return how many portions were put at the home: what its stock grew by, transfers and orders aside."""
    total, last = 0, 0
    for fact in town.facts:
        if isinstance(fact, CatalogChanged):
            for stock in fact.stocks:
                if stock.sku == sku:
                    total += (stock.portions or 0) - last
                    last = stock.portions or 0
        elif isinstance(fact, PortionsMoved | StockReserved | StockReleased) and fact.restaurant_id == HOME:
            last = next((i.stock.portions or 0 for i in fact.items if i.sku == sku), last)
    return total


def transfers(town: Town) -> dict[str, Counter[tuple[str, str, int]]]:
    """Return how often each transfer was told, by direction."""
    told: dict[str, Counter[tuple[str, str, int]]] = {"out": Counter(), "in": Counter()}
    for fact in town.facts:
        if isinstance(fact, PortionsMoved):
            told[fact.direction][(fact.lender, fact.borrower, fact.number)] += 1
    return told


def allotted(town: Town, bucket: str, sku: str, promotion_id: str) -> int:
    """Return the portions of a bucket's allotment."""
    stock = town.stock_of(bucket, sku)
    allotment = stock.allotments.get(promotion_id) if stock else None
    return (allotment.portions or 0) if allotment else 0
