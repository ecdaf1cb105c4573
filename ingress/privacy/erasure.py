"""What `promo forget` and `promo customer forget` do: destroy keys, and wait until the broker has removed them."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence, Set
from contextlib import aclosing
from typing import TypeVar

from ingress.privacy import customer_ids
from ingress.privacy.keyring import Changes, Keyring
from ingress.privacy.keyring_log import KeyringEditor, fenced_delay, read_keyring
from ingress.privacy.months import Month
from ingress.privacy.push_erasure import erase_subscriptions
from ingress.privacy.topic_reader import read_messages
from schemas.commands import PlaceOrder
from schemas.facts import OrderCreated
from schemas.kafka_connection import KafkaConnection
from schemas.runtime.transactions import FENCED_ERRORS
from schemas.topics import ORDER_COMMANDS, ORDER_CREATED, Topic

#: How often a change is tried while other editors, of processes that start, fence it.
MAX_ATTEMPTS = 5

T = TypeVar("T")


class UnknownSubjectError(Exception):
    """No order has this id or customer, so nothing was destroyed; the text names them."""


class Erasure:
    """One command: it destroys keys of a keyring that it reads.

    Each method raises KafkaError, WrongSecretError and LostKeyringError, and returns False if the broker still has
    superseded keys after `wait` seconds. With `force`, a key is destroyed also if nothing was sealed with it;
    otherwise UnknownSubjectError is raised.
    """

    def __init__(self, connection: KafkaConnection, keyring: Keyring, wait: float) -> None:
        self._connection = connection
        self._keyring = keyring
        self._wait = wait

    async def forget_orders(self, order_ids: Set[str], *, force: bool = False) -> bool:
        """Destroy the keys of these orders, and end the subscriptions to them."""
        if not force and (unknown := await self._unknown(order_ids)):
            raise UnknownSubjectError(f"no order has the id {', '.join(sorted(unknown))}")
        return await self._destroy(lambda: self._keyring.destroy(order_ids), order_ids)

    async def forget_customer(
        self, customer_id: str, phone: str | None = None, *, force: bool = False
    ) -> bool:
        """Destroy the key of all orders of this customer, and end the subscriptions to them.

        `phone` is the one that `find_customer` found: what leads from it to the customer's id is destroyed too.
        """
        # before any attempt: a later one would find the phone's next customer
        names = [customer_ids.key_name(customer_id)]
        if phone is not None:
            names = customer_ids.phone_key_names(self._keyring, phone)
        orders = read_messages(self._connection, ORDER_CREATED, OrderCreated)
        order_ids = {order.order_id async for order, _ in orders if order.customer_id == customer_id}
        if not (order_ids or force or await self._has_requested(customer_id)):
            raise UnknownSubjectError(f"no order has the customer {customer_id}")
        return await self._destroy(lambda: self._keyring.destroy((), names), order_ids)

    async def find_customer(self, phone: str) -> str:
        """Return the id of a phone's customer; raises PhoneExhaustedError."""
        await read_keyring(self._connection, self._keyring)
        return customer_ids.phone_customer_id(self._keyring, phone)

    async def forget_month(self, month: Month) -> bool:
        """Destroy the key of all orders of a month; raises UnknownMonthError.

        Subscriptions to pushes end two days after they were made.
        """
        return await self._destroy(lambda: self._keyring.drop_month(month))

    async def accept_loss(self) -> int:
        """Replace the lost records of the keyring by new ones; return how many."""
        return await self._edit(lambda editor: editor.complete(accept_loss=True))

    async def _unknown(self, order_ids: Set[str]) -> Set[str]:
        """Return those of the ids that no order has, also none that was refused or is not decided."""
        unknown = set(order_ids)
        sources: Sequence[tuple[Topic, type[OrderCreated | PlaceOrder]]] = (
            (ORDER_CREATED, OrderCreated),
            (ORDER_COMMANDS, PlaceOrder),
        )
        for topic, cls in sources:
            async with aclosing(read_messages(self._connection, topic, cls)) as messages:
                async for message, _ in messages:
                    unknown.discard(message.order_id)
                    if not unknown:
                        return unknown
        return unknown

    async def _has_requested(self, customer_id: str) -> bool:
        """Return True if the customer has tried to order: such data is sealed with the customer's key too."""
        async with aclosing(read_messages(self._connection, ORDER_COMMANDS, PlaceOrder)) as commands:
            async for command, _ in commands:
                if command.customer is not None and command.customer.id == customer_id:
                    return True
        return False

    async def _destroy(self, changes: Callable[[], Changes], order_ids: Set[str] = frozenset()) -> bool:
        async def edit(editor: KeyringEditor) -> bool:
            await editor.complete()
            await editor.write(changes())
            return await editor.force_compaction(self._wait)

        is_compacted = await self._edit(edit)
        if order_ids:
            erased = await erase_subscriptions(self._connection, order_ids, self._wait)
            return erased and is_compacted
        return is_compacted

    async def _edit(self, edit: Callable[[KeyringEditor], Awaitable[T]]) -> T:
        """Return the outcome of a change, which is tried again while another editor fences it."""
        for fenced in range(1, MAX_ATTEMPTS):
            try:
                async with KeyringEditor(self._connection, self._keyring) as editor:
                    return await edit(editor)
            except FENCED_ERRORS:
                await asyncio.sleep(fenced_delay(fenced))
        async with KeyringEditor(self._connection, self._keyring) as editor:
            return await edit(editor)
