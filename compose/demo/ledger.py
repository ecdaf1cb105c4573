"""What the log says happened: read after the race, from the first record, committed records only."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from aiokafka import AIOKafkaConsumer
from msgspec import Struct

from compose.demo import promotion
from compose.errors import StackError
from schemas import codec
from schemas.facts import OrderConfirmed, StockReserved
from schemas.topics import ORDER_CONFIRMED, STOCK_RESERVED

LIMIT_SECONDS = 30.0


class Ledger(Struct, frozen=True):
    """Order ids as often as they were confirmed and reserved, and the portions they hold."""

    confirmed: list[str]
    reserved: list[str]
    portions_confirmed: int
    portions_reserved: int
    lowest_stock: int | None


async def read(bootstrap_servers: str) -> Ledger:
    """Read the facts of the sample promotion. Raises StackError."""
    confirmed = [
        fact
        async for record in _records(bootstrap_servers, ORDER_CONFIRMED.name)
        if (fact := codec.decode(OrderConfirmed, record.value)).restaurant_id == promotion.RESTAURANT
    ]
    reserved = [
        held
        async for record in _records(bootstrap_servers, STOCK_RESERVED.name)
        if (held := codec.decode(StockReserved, record.value)).restaurant_id == promotion.RESTAURANT
    ]
    taken = [item for held in reserved for item in held.items if item.sku == promotion.SKU]
    return Ledger(
        confirmed=[fact.order_id for fact in confirmed],
        reserved=[held.order_id for held in reserved],
        portions_confirmed=sum(
            line.quantity for fact in confirmed for line in fact.items if line.sku == promotion.SKU
        ),
        portions_reserved=sum(item.quantity for item in taken),
        lowest_stock=min((item.available for item in taken if item.available is not None), default=None),
    )


async def _records(bootstrap_servers: str, topic: str) -> AsyncIterator[Any]:
    """Yield what the topic holds now."""
    consumer = AIOKafkaConsumer(  # without a group it reads every partition
        topic,
        bootstrap_servers=bootstrap_servers,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await consumer.start()
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            partitions = sorted(consumer.assignment())
            ends = await consumer.end_offsets(partitions)
            while [p for p in partitions if await consumer.position(p) < ends[p]]:
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    for record in records:
                        yield record
    except TimeoutError as error:
        raise StackError(f"{topic} could not be read to its end in {LIMIT_SECONDS:.0f} s.") from error
    finally:
        await consumer.stop()
