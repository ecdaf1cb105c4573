"""What `promo forget` and `promo customer forget` do: destroy keys, and wait until the broker has removed them."""

from collections.abc import Callable, Iterable, Set

from ingress.privacy import customer_ids
from ingress.privacy.keyring import Changes, Keyring
from ingress.privacy.keyring_log import KeyringEditor, read_keyring
from ingress.privacy.months import Month
from ingress.privacy.push_erasure import erase_subscriptions
from ingress.privacy.topic_reader import read_messages
from schemas.facts import OrderCreated
from schemas.kafka_connection import KafkaConnection
from schemas.topics import ORDER_CREATED


class Erasure:
    """One command: it destroys keys of a keyring that it reads.

    Each method raises KafkaError, WrongSecretError and LostKeyringError, and returns False if the broker still has
    superseded keys after `wait` seconds.
    """

    def __init__(self, connection: KafkaConnection, keyring: Keyring, wait: float) -> None:
        self._connection = connection
        self._keyring = keyring
        self._wait = wait

    async def forget_orders(self, order_ids: Iterable[str]) -> bool:
        """Destroy the keys of these orders, and end the subscriptions to them."""
        return await self._destroy(lambda: self._keyring.destroy(order_ids), set(order_ids))

    async def forget_customer(self, customer_id: str, phone: str | None = None) -> bool:
        """Destroy the key of all orders of this customer, and end the subscriptions to them.

        `phone` is the customer's: what leads from it to the customer's id is destroyed too.
        """
        orders = read_messages(self._connection, ORDER_CREATED, OrderCreated)
        order_ids = {order.order_id async for order, _ in orders if order.customer_id == customer_id}

        def changes() -> Changes:
            if phone is not None:
                return self._keyring.destroy((), customer_ids.phone_key_names(self._keyring, phone))
            return self._keyring.destroy((), [customer_ids.key_name(customer_id)])

        return await self._destroy(changes, order_ids)

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
        async with KeyringEditor(self._connection, self._keyring) as editor:
            return await editor.complete(accept_loss=True)

    async def _destroy(self, changes: Callable[[], Changes], order_ids: Set[str] = frozenset()) -> bool:
        async with KeyringEditor(self._connection, self._keyring) as editor:
            await editor.complete()
            await editor.write(changes())
            is_compacted = await editor.force_compaction(self._wait)
        if order_ids:
            erased = await erase_subscriptions(self._connection, order_ids, self._wait)
            return erased and is_compacted
        return is_compacted
