"""What stands in for Kafka and Redis: a command log that answers by a function, views that are set by hand."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

from ingress.asking import Asking
from ingress.live.feeds import BoardView, Delta, Line
from ingress.problems import Unavailable
from ingress.views import Changes, MenuView, OrderView, Reading, RestaurantsView
from schemas import codec, views
from schemas.commands import Command, PlaceOrder
from schemas.money import Money, total
from schemas.notifications import PushSubscription
from schemas.orders import Eta, Order, OrderLine, Shortage
from schemas.replies import Answer, Reply
from schemas.topics import ORDER_COMMANDS, PUSH_SUBSCRIPTIONS

AT = "2026-01-01T12:00:00.000Z"
PRICE = Money(990)

Decide = Callable[[Command], Reply | None]


def order_of(
    command: PlaceOrder, reason: str | None = None, shortages: list[Shortage] | None = None
) -> Order:
    """Return the order that a command makes, each line at the same price."""
    lines = [OrderLine(line.sku, line.sku.title(), line.quantity, PRICE) for line in command.items]
    return Order(
        order_id=command.order_id,
        restaurant_id=command.restaurant_id,
        status="cancelled" if reason else "received",
        items=lines,
        total=total([PRICE.times(line.quantity) for line in command.items]),
        payment_method=command.payment.method,
        idempotency_key_hash=command.idempotency_key_hash,
        created_at=AT,
        updated_at=AT,
        version=2,
        eta=None if reason else Eta(AT, AT),
        reason=reason,
        shortages=shortages or [],
    )


def confirm(command: Command) -> Reply:
    """Confirm every order."""
    assert isinstance(command, PlaceOrder)
    return Reply(Answer("confirmed", order_of(command)))


class FakeLog:
    """Keeps what is written, and delivers what `decide` says at once; None: nothing."""

    def __init__(self) -> None:
        self.decide: Decide = confirm
        self.asking: Asking | None = None
        self.down = False
        self.written: list[tuple[bytes, Command, codec.Headers]] = []
        self.subscriptions: list[tuple[bytes, PushSubscription]] = []

    async def send(
        self, key: bytes, value: bytes, headers: codec.Headers, topic: str = ORDER_COMMANDS.name
    ) -> None:
        if self.down:
            raise Unavailable()
        if topic == PUSH_SUBSCRIPTIONS.name:
            self.subscriptions.append((key, codec.decode(PushSubscription, value)))
            return
        command = codec.decode_command(value)
        self.written.append((key, command, headers))
        reply = self.decide(command)
        address = codec.reply_address(headers)
        if reply is not None and address is not None and self.asking is not None:
            self.asking.deliver(address.correlation_id, reply)


class FakeViews:
    """Holds views in memory; `show` and `tell` change them as egress does."""

    def __init__(self, partitions: int = 8) -> None:
        self.by_id: dict[str, MenuView] = {}
        self.orders: dict[str, OrderView] = {}
        self.all = RestaurantsView([], {})
        self.generation = "views-1"
        self.revision = 0
        self.changed: dict[str, int] = {}
        self.marks = dict.fromkeys(range(partitions), time.time_ns() // 1_000_000)
        self.down = False
        self.reads = 0

    def show(self, restaurant_id: str, menu: MenuView) -> None:
        """Change a menu."""
        self.by_id[restaurant_id] = menu
        self.revision += 1
        self.changed[views.menu(restaurant_id)] = self.revision

    def tell(self, as_of: int) -> None:
        """Say until when all views hold all."""
        self.marks = dict.fromkeys(self.marks, as_of)

    def empty(self, generation: str) -> None:
        """Begin another generation, with nothing in it."""
        self.by_id.clear()
        self.marks = {}
        self.generation, self.revision, self.changed = generation, 0, {}

    def _answer(self) -> None:
        if self.down:
            raise Unavailable()

    def _read(self) -> Reading:
        self.reads += 1
        self._answer()
        return Reading(self.generation, self.revision)

    async def menus(self, keys: Sequence[str]) -> tuple[Reading, dict[str, MenuView]]:
        reading = self._read()
        await asyncio.sleep(0.001)  # others ask meanwhile
        return reading, {views.menu(k): m for k, m in self.by_id.items() if views.menu(k) in keys}

    async def restaurants(self) -> tuple[Reading, RestaurantsView]:
        return self._read(), self.all

    async def order(self, order_id: str) -> OrderView | None:
        self._read()
        return self.orders.get(order_id)

    async def changes(self, generation: str, revision: int) -> Changes:
        self._answer()
        since = revision if generation == self.generation else 0
        changed = {key: at for key, at in self.changed.items() if at > since}
        return Changes(self.generation, self.revision, changed, dict(self.marks))

    async def ping(self) -> bool:
        self._answer()
        return True


class QuietFeeds:
    """Feeds in which nothing happens."""

    line = Line("views-1", "1")

    async def heads(self, restaurants: Sequence[str]) -> tuple[Line, dict[str, int]]:
        return self.line, dict.fromkeys(restaurants, 0)

    async def deltas(self, asked: Sequence[tuple[str, int]]) -> tuple[Line, list[Delta]]:
        return self.line, [Delta(0, {}) for _ in asked]

    async def orders(self, order_ids: Sequence[str]) -> tuple[str, Mapping[str, OrderView]]:
        return self.line.generation, {}

    async def menus(self, restaurants: Sequence[str]) -> tuple[str, Mapping[str, MenuView]]:
        return self.line.generation, {}

    async def board(self, restaurant_id: str) -> BoardView:
        return BoardView(self.line, 0, None, [])

    async def wakes(self) -> AsyncIterator[list[str] | None]:
        await asyncio.Event().wait()
        yield None
