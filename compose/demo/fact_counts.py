"""The facts of the race in Kafka: read afterwards, from the first record, committed records only."""

import asyncio
from typing import TypeVar

from msgspec import Struct

from compose.demo import promotion
from compose.errors import StackError
from schemas import codec
from schemas.facts import OrderConfirmed, StockReserved
from schemas.kafka_connection import KafkaConnection
from schemas.runtime.kafka_clients import CLI_REQUEST_TIMEOUT_MS, make_consumer
from schemas.runtime.kafka_sessions import read_to_end, started
from schemas.topics import ORDER_CONFIRMED, STOCK_RESERVED

READ_TIMEOUT_SECONDS = 30.0

F = TypeVar("F", OrderConfirmed, StockReserved)


class FactCounts(Struct, frozen=True):
    """The order id of each confirmation and of each reservation, and their portions."""

    confirmed: list[str]
    reserved: list[str]
    portions_confirmed: int
    portions_reserved: int
    lowest_stock: int | None


async def read(connection: KafkaConnection) -> FactCounts:
    """Read the facts of the sample promotion. Raises StackError."""
    confirmed = await _facts(connection, OrderConfirmed, ORDER_CONFIRMED.name)
    reserved = await _facts(connection, StockReserved, STOCK_RESERVED.name)
    items = [item for fact in reserved for item in fact.items if item.sku == promotion.SKU]
    return FactCounts(
        confirmed=[fact.order_id for fact in confirmed],
        reserved=[fact.order_id for fact in reserved],
        portions_confirmed=sum(
            line.quantity for fact in confirmed for line in fact.items if line.sku == promotion.SKU
        ),
        portions_reserved=sum(item.quantity for item in items),
        lowest_stock=min((item.available for item in items if item.available is not None), default=None),
    )


async def _facts(connection: KafkaConnection, cls: type[F], topic: str) -> list[F]:
    consumer = make_consumer(connection, topic, request_timeout_ms=CLI_REQUEST_TIMEOUT_MS)
    try:
        async with asyncio.timeout(READ_TIMEOUT_SECONDS), started(consumer):
            facts = [codec.decode(cls, record.value) async for record in read_to_end(consumer)]
    except TimeoutError as error:
        raise StackError(f"{topic} could not be read to its end in {READ_TIMEOUT_SECONDS:.0f} s.") from error
    return [fact for fact in facts if fact.restaurant_id == promotion.RESTAURANT]
