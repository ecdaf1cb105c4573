"""What `promo customer export` prints: all that is stored of a customer, as one JSON document.

The document is written while the topics are read. It needs memory for the ids of the customer's orders only.
"""

from collections.abc import AsyncIterator
from typing import TextIO

from msgspec import Struct

from ingress.privacy.customer_ids import phone_customer_id
from ingress.privacy.keyring import ErasedError, Keyring
from ingress.privacy.keyring_log import read_keyring
from ingress.privacy.sealing import UndecryptableError, open_sealed
from ingress.privacy.topic_reader import read_messages
from schemas import codec, facts, timestamps
from schemas.commands import Address, PlaceOrder, RequestedItem
from schemas.facts import OrderCreated
from schemas.kafka_connection import KafkaConnection
from schemas.money import Money
from schemas.notifications import PushSubscription
from schemas.orders import Order, OrderLine, Refund
from schemas.topics import FACT_TOPICS, ORDER_COMMANDS, ORDER_CREATED, PUSH_SUBSCRIPTIONS

#: The facts that change an order, in the sequence in which they are printed.
CHANGES: tuple[type[Order], ...] = (
    facts.OrderConfirmed,
    facts.OrderFailed,
    facts.OrderStatusChanged,
    facts.OrderCancelled,
    facts.PaymentRefunded,
)


class ExportedData(Struct, frozen=True, omit_defaults=True):
    """Personal data of an order; `state` says why there is none."""

    delivery_address: Address | None = None
    name: str = ""
    phone: str = ""
    state: str = "readable"


class ExportedRequest(Struct, frozen=True):
    """A request to place an order, also one that was refused."""

    order_id: str
    restaurant_id: str
    at: str
    items: list[RequestedItem]
    personal: ExportedData


class ExportedOrder(Struct, frozen=True):
    """An order as it was created."""

    order_id: str
    restaurant_id: str
    at: str
    items: list[OrderLine]
    total: Money
    payment_method: str
    personal: ExportedData


class ExportedChange(Struct, frozen=True, omit_defaults=True):
    """What became of an order."""

    order_id: str
    status: str
    at: str
    reason: str | None = None
    refund: Refund | None = None


async def export(
    connection: KafkaConnection,
    keyring: Keyring,
    customer_id: str | None,
    phone: str | None,
    output: TextIO,
) -> None:
    """Write the document of a customer's id, or of a phone's customer.

    Raises KafkaError, WrongSecretError, LostKeyringError, PhoneExhaustedError.
    """
    await read_keyring(connection, keyring)
    if phone is not None:
        customer_id = phone_customer_id(keyring, phone)
    reader = _Reader(connection, keyring, customer_id or "")
    output.write(f'{{"customer_id": {_json(customer_id)}')
    for name, entries in (
        ("requests", reader.requests()),
        ("orders", reader.orders()),
        ("changes", reader.changes()),
        ("push_subscriptions", reader.push_subscriptions()),
    ):
        output.write(f',\n "{name}": [')
        separator = "\n  "
        async for entry in entries:
            output.write(separator + _json(entry))
            separator = ",\n  "
        output.write("]")
    output.write("}\n")


class _Reader:
    """Reads the entries of one customer; `orders` first, then `push_subscriptions`."""

    def __init__(self, connection: KafkaConnection, keyring: Keyring, customer_id: str) -> None:
        self._connection = connection
        self._keyring = keyring
        self._customer_id = customer_id
        self._order_ids: set[str] = set()

    async def requests(self) -> AsyncIterator[ExportedRequest]:
        async for command, at in read_messages(self._connection, ORDER_COMMANDS, PlaceOrder):
            if command.customer is not None and command.customer.id == self._customer_id:
                personal = self._open(command.order_id, command.personal)
                yield ExportedRequest(
                    command.order_id, command.restaurant_id, timestamps.to_text(at), command.items, personal
                )

    async def orders(self) -> AsyncIterator[ExportedOrder]:
        async for order, _ in read_messages(self._connection, ORDER_CREATED, OrderCreated):
            if order.customer_id == self._customer_id:
                self._order_ids.add(order.order_id)
                yield ExportedOrder(
                    order.order_id,
                    order.restaurant_id,
                    order.occurred_at,
                    order.items,
                    order.total,
                    order.payment_method,
                    self._open(order.order_id, order.personal),
                )

    async def changes(self) -> AsyncIterator[ExportedChange]:
        for cls in CHANGES:
            async for order, _ in read_messages(self._connection, FACT_TOPICS[cls], cls):
                if order.customer_id == self._customer_id:
                    yield ExportedChange(
                        order.order_id, order.status, order.updated_at, order.reason, order.refund
                    )

    async def push_subscriptions(self) -> AsyncIterator[PushSubscription]:
        async for subscription, _ in read_messages(self._connection, PUSH_SUBSCRIPTIONS, PushSubscription):
            if subscription.order_id in self._order_ids:
                yield subscription

    def _open(self, order_id: str, sealed: bytes | None) -> ExportedData:
        if sealed is None:
            return ExportedData(state="forgotten")
        try:
            opened = open_sealed(self._keyring, order_id, self._customer_id, sealed)
        except ErasedError:
            return ExportedData(state="forgotten")
        except UndecryptableError:
            return ExportedData(state="unreadable")
        return ExportedData(opened.delivery_address, opened.customer_name, opened.customer_phone)


def _json(value: object) -> str:
    return codec.encode(value).decode()
