"""Fakes of Kafka and Redis: a producer whose commands a function decides, and views that tests set."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

from ingress.commands.client import CommandClient
from ingress.http.problems import Unavailable
from ingress.live.ports import BoardView, Delta, FeedEpoch
from ingress.views.answers import Answered, Refusal, newest
from ingress.views.ports import MenuView, OrderView, RestaurantsView, ViewChanges, ViewVersion
from schemas import codec, view_keys
from schemas.commands import Command, FindOrder, PlaceOrder
from schemas.money import Money, total
from schemas.notifications import PushSubscription
from schemas.orders import Eta, Order, OrderLine, Shortage
from schemas.replies import Answer, Reply
from schemas.timestamps import wall_clock
from schemas.topics import PUSH_SUBSCRIPTIONS

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
        customer_id=command.customer.id if command.customer else None,
    )


def confirm(command: Command) -> Reply:
    """Confirm every order; no other is known."""
    if isinstance(command, FindOrder):
        return Reply(Answer("unknown_order"))
    assert isinstance(command, PlaceOrder)
    return Reply(Answer("confirmed", order_of(command)))


class FakeProducer:
    """Records commands, and delivers the reply that `decide` returns at once; None: no reply."""

    def __init__(self) -> None:
        self.decide: Decide = confirm
        self.commands: CommandClient | None = None
        self.down = False
        self.written: list[tuple[bytes, Command, codec.Headers]] = []
        self.subscriptions: list[tuple[bytes, PushSubscription]] = []

    def decide_all(self, decide: Decide) -> None:
        """Decide every command that was written, also those that have a reply, and all from now on."""
        self.decide = decide
        for _, command, headers in self.written:
            reply, address = decide(command), codec.reply_address(headers)
            if reply is not None and address is not None and self.commands is not None:
                self.commands.deliver(address.correlation_id, reply)

    async def send(self, topic: str, key: bytes, value: bytes, headers: codec.Headers) -> None:
        if self.down:
            raise Unavailable()
        if topic == PUSH_SUBSCRIPTIONS.name:
            self.subscriptions.append((key, codec.decode(PushSubscription, value)))
            return
        command = codec.decode_command(value)
        self.written.append((key, command, headers))
        reply = self.decide(command)
        address = codec.reply_address(headers)
        if reply is not None and address is not None and self.commands is not None:
            self.commands.deliver(address.correlation_id, reply)


class FakeViews:
    """Views and answers in memory; `show` and `publish_watermarks` change them as egress does."""

    def __init__(self, partitions: int = 8) -> None:
        self.by_id: dict[str, MenuView] = {}
        self.orders: dict[str, OrderView] = {}
        self.answers: dict[str, dict[int, Answered]] = {}  # by order and version; 0: a refusal
        self.all = RestaurantsView([], {})
        self.generation = "views-1"
        self.revision = 0
        self.changed: dict[str, int] = {}
        self.watermarks = dict.fromkeys(range(partitions), wall_clock())
        self.shown_version = 1_000  # of each field: greater than any that a test puts
        self.down = False
        self.reads = 0

    def show(self, restaurant_id: str, menu: MenuView) -> None:
        """Change a menu."""
        self.by_id[restaurant_id] = menu
        self.revision += 1
        self.changed[view_keys.menu(restaurant_id)] = self.revision

    def publish_watermarks(self, as_of: int) -> None:
        """Record that all views are complete up to an instant."""
        self.watermarks = dict.fromkeys(self.watermarks, as_of)

    def empty(self, generation: str) -> None:
        """Begin another generation, with nothing in it."""
        self.by_id.clear()
        self.watermarks = {}
        self.generation, self.revision, self.changed = generation, 0, {}

    def _raise_if_down(self) -> None:
        if self.down:
            raise Unavailable()

    def _read(self) -> ViewVersion:
        self.reads += 1
        self._raise_if_down()
        return ViewVersion(self.generation, self.revision)

    async def menus(self, keys: Sequence[str]) -> tuple[ViewVersion, dict[str, MenuView]]:
        version = self._read()
        await asyncio.sleep(0.001)  # other reads may begin
        return version, {view_keys.menu(k): m for k, m in self.by_id.items() if view_keys.menu(k) in keys}

    async def restaurants(self) -> tuple[ViewVersion, RestaurantsView]:
        return self._read(), self.all

    async def order(self, order_id: str) -> OrderView | None:
        self._read()
        answered = self.answers.get(order_id, {})
        versions = [answered[version] for version in sorted(answered) if version or len(answered) == 1]
        return newest(self.orders.get(order_id), versions)

    async def record(self, answered: Answered) -> bool:
        if self.down:
            return False
        version = 0 if isinstance(answered, Refusal) else answered.order.version
        self.answers.setdefault(answered.order_id, {})[version] = answered
        return True

    async def clear_refusal(self, order_id: str) -> None:
        self.answers.get(order_id, {}).pop(0, None)

    async def field_version(self, key: str, field: str) -> int:
        self._raise_if_down()
        return self.shown_version

    async def changes(self, generation: str, revision: int) -> ViewChanges:
        self._raise_if_down()
        since = revision if generation == self.generation else 0
        changed = {key: at for key, at in self.changed.items() if at > since}
        return ViewChanges(self.generation, self.revision, changed, dict(self.watermarks))

    async def ping(self) -> bool:
        self._raise_if_down()
        return True


class QuietFeeds:
    """Feeds in which nothing happens."""

    epoch = FeedEpoch("views-1", "1")

    async def last_sequences(self, restaurants: Sequence[str]) -> tuple[FeedEpoch, dict[str, int]]:
        return self.epoch, dict.fromkeys(restaurants, 0)

    async def deltas(self, since: Sequence[tuple[str, int]]) -> tuple[FeedEpoch, list[Delta]]:
        return self.epoch, [Delta(0, {}) for _ in since]

    async def orders(self, order_ids: Sequence[str]) -> tuple[str, Mapping[str, OrderView]]:
        return self.epoch.generation, {}

    async def menus(self, restaurants: Sequence[str]) -> tuple[str, Mapping[str, MenuView]]:
        return self.epoch.generation, {}

    async def board(self, restaurant_id: str) -> BoardView:
        return BoardView(self.epoch, 0, None, [])

    async def changed_restaurants(self) -> AsyncIterator[list[str] | None]:
        await asyncio.Event().wait()
        yield None
