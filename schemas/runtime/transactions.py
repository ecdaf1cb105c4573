"""A transaction of records of one partition, for the editors of compacted topics."""

import asyncio
from collections.abc import Mapping

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import InvalidProducerEpoch, KafkaError, ProducerFenced

#: What a transactional producer raises once a later one of the same id has started.
FENCED_ERRORS = (ProducerFenced, InvalidProducerEpoch)


async def write_all(
    producer: AIOKafkaProducer, partition: TopicPartition, records: Mapping[bytes, bytes | None]
) -> None:
    """Write all of these records or none, for good once it returns. Raises KafkaError: one of FENCED_ERRORS if fenced."""
    try:
        async with producer.transaction():
            sent = []
            for key, value in records.items():
                sent.append(
                    await producer.send(partition.topic, value, key=key, partition=partition.partition)
                )
                # a `send` after it may raise, and asyncio would log each of the others as never retrieved
                sent[-1].add_done_callback(_retrieve)
            await asyncio.gather(*sent)
    except KafkaError as error:
        for batches in producer._message_accumulator._batches.values():
            for batch in batches:
                _retrieve(batch._drain_waiter)
        ended = producer._txn_manager.wait_for_transaction_end()
        if ended.done() and (cause := ended.exception()) is not None:
            raise cause from error  # `send` raises IllegalOperation in place of what has ended the transaction
        raise


def _retrieve(future: "asyncio.Future[object]") -> None:
    if future.done() and not future.cancelled():
        future.exception()
