"""What stands in for Kafka and Redis: a command log that answers by a function, views that are set by hand."""

from collections.abc import Callable

from ingress.asking import Asking
from ingress.problems import Unavailable
from ingress.views import MenuView, OrderView, RestaurantsView
from schemas import codec
from schemas.commands import Command, PlaceOrder
from schemas.money import Money, total
from schemas.orders import Eta, Order, OrderLine, Shortage
from schemas.replies import Answer, Reply

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

    async def send(self, key: bytes, value: bytes, headers: codec.Headers) -> None:
        if self.down:
            raise Unavailable()
        command = codec.decode_command(value)
        self.written.append((key, command, headers))
        reply = self.decide(command)
        address = codec.reply_address(headers)
        if reply is not None and address is not None and self.asking is not None:
            self.asking.deliver(address.correlation_id, reply)


class FakeViews:
    """Holds views in memory."""

    def __init__(self) -> None:
        self.menus: dict[str, MenuView] = {}
        self.orders: dict[str, OrderView] = {}
        self.all = RestaurantsView([], {})
        self.marks: dict[int, int] = {}
        self.down = False
        self.reads = 0

    def _read(self) -> None:
        self.reads += 1
        if self.down:
            raise Unavailable()

    async def menu(self, restaurant_id: str) -> MenuView | None:
        self._read()
        return self.menus.get(restaurant_id)

    async def order(self, order_id: str) -> OrderView | None:
        self._read()
        return self.orders.get(order_id)

    async def restaurants(self) -> RestaurantsView:
        self._read()
        return self.all

    async def watermarks(self) -> dict[int, int]:
        self._read()
        return self.marks

    async def ping(self) -> bool:
        self._read()
        return True
