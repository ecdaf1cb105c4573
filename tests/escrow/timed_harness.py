"""Buckets on a virtual clock: each is a single writer with a queue; links have latency, and can be cut.

The decisions are real; time, queues and links are modelled.
"""

import heapq
import itertools
from collections.abc import Callable
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from schemas import buckets
from schemas.codec import ReplyAddress
from schemas.commands import PlaceOrder, PutRestaurant
from schemas.replies import Reply
from tests.escrow.harness import HOME, EscrowHarness
from tests.support.domain.harness import NOW, menu_item

#: A writer's time for an order and for a command between buckets, and from a decision to its commit. Measured by `python -m tests.bench.one_restaurant`.
ORDER_MS = 0.4
EXCHANGE_MS = 0.15
COMMIT_MS = 8.0
TICK_MS = 1_000


class Link(Struct, frozen=True):
    """The link between two buckets, with its latency in one direction."""

    one_way_ms: float = 1.0


class Cut(Struct, frozen=True):
    """From `begin` to `end` (seconds) messages between these buckets and the others are delayed until the end."""

    begin: float
    end: float
    numbers: frozenset[int]


class TimedOrder(Struct):
    """One order: its arrival, and the time and outcome of its reply."""

    bucket: int
    arrived: float  # seconds
    answered: float = 0.0
    outcome: str = ""
    elsewhere: int = 0  # when it was refused: portions free in other buckets or in flight

    @property
    def took_ms(self) -> float:
        """Milliseconds from arrival to reply."""
        return 1000 * (self.answered - self.arrived)


class TimedEscrowHarness(EscrowHarness):
    """An EscrowHarness whose commands take time."""

    def __init__(
        self,
        count: int,
        portions: int,
        link: Callable[[int, int], Link],
        cut: Cut | None = None,
        open_rate: int = 0,
    ) -> None:
        super().__init__(count, open_rate)
        self.orders_seen: dict[bytes, TimedOrder] = {}
        self.commands = {"order": 0, "forwarded": 0, "exchange": 0}
        self.seconds = 0.0
        self._link = link
        self._cut = cut
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._busy = [0.0] * count
        self._decided = (0.0, 0)
        self.decide(PutRestaurant(HOME, "Cantina", 10, 86_400))
        self.decide(menu_item("x", portions))
        self.settle()

    def at(self, seconds: float, action: Callable[[], None]) -> None:
        """Call an action at this time, in seconds."""
        heapq.heappush(self._heap, (seconds, next(self._numbers), action))

    def order_at(self, seconds: float, number: int, order: PlaceOrder, caller: bytes) -> None:
        """Let a customer's order arrive at a bucket."""

        def arrive() -> None:
            self.orders_seen[caller] = TimedOrder(number, seconds)
            command = replace(order, restaurant_id=buckets.bucket(HOME, number))
            self._enqueue(number, command, caller, "order")

        self.at(seconds, arrive)

    def run(self, until: float, every: float, observe: Callable[[float], None]) -> None:
        """Let time pass; `observe` is called with the time every `every` seconds."""
        for n in range(1, int(until * 1000 / TICK_MS) + 1):
            self.at(n * TICK_MS / 1000, self._tick)
        for n in range(int(until / every) + 1):
            self.at(n * every, lambda at=n * every: observe(at))
        while self._heap and self._heap[0][0] <= until:
            self.seconds, _, action = heapq.heappop(self._heap)
            action()

    def _tick(self) -> None:
        self._clock(self.seconds)
        self.advance_time(0)
        self._send_all(self.seconds + COMMIT_MS / 1000)

    def _clock(self, seconds: float) -> None:
        self.now = max(self.now, NOW + 10_000 + int(seconds * 1000))

    def _enqueue(self, number: int, command: Any, caller: bytes, kind: str) -> None:
        """A bucket's writer decides a command after those before it."""
        self.commands[kind] += 1
        service = ORDER_MS if kind != "exchange" else EXCHANGE_MS
        done = self._busy[number] = max(self.seconds, self._busy[number]) + service / 1000
        self.at(done, lambda: self._decide_next(done, number, command, caller))

    def _decide_next(self, done: float, number: int, command: Any, caller: bytes) -> None:
        self._clock(done)
        self._decided = (done + COMMIT_MS / 1000, number)
        self.decide(command, caller)
        self._send_all(done + COMMIT_MS / 1000)

    def _send_all(self, leaves: float) -> None:
        for sent in self.in_flight:
            self._send(buckets.number(sent.sender), sent.forwarded, leaves)
        self.in_flight.clear()

    def _send(self, sender: int, forwarded: Any, leaves: float) -> None:
        command, caller = forwarded.command, forwarded.reply_to
        to = buckets.number(command.restaurant_id)
        arrives = leaves + self._link(sender, to).one_way_ms / 1000
        cut = self._cut
        if cut and cut.begin <= leaves < cut.end and (sender in cut.numbers) != (to in cut.numbers):
            arrives = cut.end + self._link(sender, to).one_way_ms / 1000
        kind = "forwarded" if isinstance(command, PlaceOrder) else "exchange"
        name = caller.correlation_id if isinstance(caller, ReplyAddress) else b""
        self.at(arrives, lambda: self._enqueue(to, command, name, kind))

    def _record_reply(self, caller: bytes, reply: Reply) -> None:
        seen = self.orders_seen.get(caller)
        if seen is None or seen.outcome:
            return
        seen.answered = self._decided[0]
        seen.outcome = reply.answer.outcome
        if seen.outcome == "out_of_stock":
            free = sum(self.free(b, "x") for b in self.buckets)
            seen.elsewhere = free + self.portions_in_flight("x")
