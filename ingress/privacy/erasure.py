"""What `promo forget` and `promo customer forget` do: destroy keys, and wait until the broker has removed them."""

from collections.abc import Callable, Iterable

from ingress.privacy import customer_ids
from ingress.privacy.keyring import Changes, Keyring
from ingress.privacy.keyring_log import KeyringEditor
from ingress.privacy.months import Month
from schemas.kafka_connection import KafkaConnection


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
        """Destroy the keys of these orders."""
        return await self._destroy(lambda: self._keyring.destroy(order_ids))

    async def forget_customer(self, customer_id: str) -> bool:
        """Destroy the key of all orders of this customer."""
        return await self._destroy(lambda: self._keyring.destroy((), [customer_ids.key_name(customer_id)]))

    async def forget_phone(self, phone: str) -> bool:
        """Destroy the key of all orders of a phone's customer, and what leads from the phone to the customer."""
        return await self._destroy(
            lambda: self._keyring.destroy((), customer_ids.phone_key_names(self._keyring, phone))
        )

    async def forget_month(self, month: Month) -> bool:
        """Destroy the key of all orders of a month; raises UnknownMonthError."""
        return await self._destroy(lambda: self._keyring.drop_month(month))

    async def accept_loss(self) -> int:
        """Replace the lost records of the keyring by new ones; return how many."""
        async with KeyringEditor(self._connection, self._keyring) as editor:
            return await editor.complete(accept_loss=True)

    async def _destroy(self, changes: Callable[[], Changes]) -> bool:
        async with KeyringEditor(self._connection, self._keyring) as editor:
            await editor.complete()
            await editor.write(changes())
            return await editor.force_compaction(self._wait)
