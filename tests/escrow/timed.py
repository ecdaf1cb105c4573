"""Buckets on a virtual clock: each a single writer with a queue, links with latency, cuts between them.

The decisions are the real ones; time, queues and links are the model's.
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
from tests.domain.world import NOW, menu_item
from tests.escrow.town import HOME, Town

#: Milliseconds that a writer takes for an order, and for a command between buckets; from a decision to its
#: commit. Measured by `python -m tests.bench.one_restaurant`.
ORDER_MS = 0.4
EXCHANGE_MS = 0.15
COMMIT_MS = 8.0
TICK_MS = 1_000


class Link(Struct, frozen=True):
    """The way between two buckets: milliseconds one way."""

    one_way_ms: float = 1.0


class Cut(Struct, frozen=True):
    """From `begin` to `end` (seconds) nothing passes between these buckets and the others; it is kept and sent then."""

    begin: float
    end: float
    numbers: frozenset[int]


class Answered(Struct):
    """One order: when it came, when it was answered, and how."""

    bucket: int
    asked: float  # seconds
    answered: float = 0.0
    outcome: str = ""
    elsewhere: int = 0  # when it was refused: portions free in other buckets or under way

    @property
    def took_ms(self) -> float:
        """From asking to the answer, in milliseconds."""
        return 1000 * (self.answered - self.asked)


class TimedTown(Town):
    """A Town whose commands take time."""

    def __init__(
        self,
        count: int,
        portions: int,
        link: Callable[[int, int], Link],
        cut: Cut | None = None,
        open_rate: int = 0,
    ) -> None:
        super().__init__(count, open_rate)
        self.orders_seen: dict[bytes, Answered] = {}
        self.commands = {"order": 0, "passed on": 0, "exchange": 0}
        self.seconds = 0.0
        self._link = link
        self._cut = cut
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._busy = [0.0] * count
        self._deciding = (0.0, 0)
        self.tell(PutRestaurant(HOME, "Cantina", 10, 86_400))
        self.tell(menu_item("x", portions))
        self.settle()

    def at(self, seconds: float, action: Callable[[], None]) -> None:
        """Do something at a time."""
        heapq.heappush(self._heap, (seconds, next(self._numbers), action))

    def order_at(self, seconds: float, number: int, order: PlaceOrder, asker: bytes) -> None:
        """A customer's order comes to a bucket."""

        def come() -> None:
            self.orders_seen[asker] = Answered(number, seconds)
            command = replace(order, restaurant_id=buckets.bucket(HOME, number))
            self._take(number, command, asker, "order")

        self.at(seconds, come)

    def run(self, until: float, every: float, look: Callable[[float], None]) -> None:
        """Let time pass; `look` is called again and again."""
        for n in range(1, int(until * 1000 / TICK_MS) + 1):
            self.at(n * TICK_MS / 1000, self._tick)
        for n in range(int(until / every) + 1):
            self.at(n * every, lambda at=n * every: look(at))
        while self._heap and self._heap[0][0] <= until:
            self.seconds, _, action = heapq.heappop(self._heap)
            action()

    def _tick(self) -> None:
        self._clock(self.seconds)
        self.pass_time(0)
        self._send_all(self.seconds + COMMIT_MS / 1000)

    def _clock(self, seconds: float) -> None:
        self.now = max(self.now, NOW + 10_000 + int(seconds * 1000))

    def _take(self, number: int, command: Any, asker: bytes, kind: str) -> None:
        """A bucket's writer takes a command when it has done with those before it."""
        self.commands[kind] += 1
        service = ORDER_MS if kind != "exchange" else EXCHANGE_MS
        done = self._busy[number] = max(self.seconds, self._busy[number]) + service / 1000
        self.at(done, lambda: self._decide(done, number, command, asker))

    def _decide(self, done: float, number: int, command: Any, asker: bytes) -> None:
        self._clock(done)
        self._deciding = (done + COMMIT_MS / 1000, number)
        self.tell(command, asker)
        self._send_all(done + COMMIT_MS / 1000)

    def _send_all(self, leaves: float) -> None:
        for letter in self.under_way:
            self._send(buckets.number(letter.sender), letter.onward, leaves)
        self.under_way.clear()

    def _send(self, sender: int, onward: Any, leaves: float) -> None:
        command, asker = onward.command, onward.asker
        to = buckets.number(command.restaurant_id)
        arrives = leaves + self._link(sender, to).one_way_ms / 1000
        cut = self._cut
        if cut and cut.begin <= leaves < cut.end and (sender in cut.numbers) != (to in cut.numbers):
            arrives = cut.end + self._link(sender, to).one_way_ms / 1000
        kind = "passed on" if isinstance(command, PlaceOrder) else "exchange"
        name = asker.correlation_id if isinstance(asker, ReplyAddress) else b""
        self.at(arrives, lambda: self._take(to, command, name, kind))

    def _answered(self, asker: bytes, reply: Reply) -> None:
        seen = self.orders_seen.get(asker)
        if seen is None or seen.outcome:
            return
        seen.answered = self._deciding[0]
        seen.outcome = reply.answer.outcome
        if seen.outcome == "out_of_stock":
            free = sum(self.free(b, "x") for b in self.buckets)
            seen.elsewhere = free + self.flying("x")
