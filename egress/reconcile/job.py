"""Fills a store with both sides: the facts up to the ends that their topics have now, then the books."""

from collections.abc import Iterable, Iterator
from typing import cast

from egress.kafka.consumers import MAX_PARTITION_BYTES, AllPartitionsConsumer
from egress.kafka.decoding import UnreadableError, decode_fact
from egress.kafka.records import Record
from egress.reconcile.books import ProviderBooks
from egress.reconcile.payment_store import PaymentStore
from egress.reconcile.window import ReconcileWindow
from schemas import timestamps
from schemas.orders import Order
from schemas.runtime.kafka_sessions import started
from schemas.settings import Settings
from schemas.topics import ORDER_CANCELLED, ORDER_CONFIRMED, ORDER_CREATED, ORDER_FAILED, PAYMENT_REFUNDED

#: The facts about payments. A status that the restaurant changes moves no money.
TOPICS = tuple(
    topic.name for topic in (ORDER_CREATED, ORDER_CONFIRMED, ORDER_FAILED, ORDER_CANCELLED, PAYMENT_REFUNDED)
)


async def read_facts(settings: Settings, window: ReconcileWindow, store: PaymentStore) -> int:
    """Add the orders of all facts of the window; return how many facts could not be read.

    Raises KafkaError, NewerVersionError.
    """
    unreadable = 0
    consumer = AllPartitionsConsumer(
        settings.kafka, TOPICS, settings.partitions, max_partition_fetch_bytes=MAX_PARTITION_BYTES
    )
    async with started(consumer):
        ends = await consumer.ends(consumer.assigned())
        consumer.seek(await consumer.first_since(window.read_from, consumer.assigned()))
        while not await consumer.has_reached(ends):
            records = await consumer.read()
            orders = list(_orders(records))
            unreadable += len(records) - len(orders)
            store.add_orders(_until(orders, window))
    return unreadable


async def read_books(books: ProviderBooks, window: ReconcileWindow, store: PaymentStore) -> None:
    """Add the movements of the window; raises TransientError, PermanentError."""
    async for page in books.pages(window.read_from):
        store.add_movements(page if not window.day else [m for m in page if m.at <= window.read_until])
        if window.day and page and page[-1].at > window.read_until:
            return


def _orders(records: Iterable[Record]) -> Iterator[Order]:
    for record in records:
        try:
            yield cast(Order, decode_fact(record))  # every fact of TOPICS is one
        except UnreadableError:  # a dead letter of the projector
            continue


def _until(orders: Iterable[Order], window: ReconcileWindow) -> Iterable[Order]:
    """Return the states that are not behind a day's window; of the others, those that are the newest."""
    if not window.day:
        return orders
    return (order for order in orders if timestamps.from_text(order.updated_at) <= window.read_until)
