"""Erasure of subscriptions to pushes, the only personal data that Kafka has in the clear (egress has to use it)."""

import asyncio
import os
from collections.abc import Set

from ingress.privacy.topic_reader import read_messages
from schemas import codec
from schemas.kafka_connection import KafkaConnection
from schemas.notifications import PushSubscription
from schemas.runtime.kafka_clients import make_producer
from schemas.runtime.kafka_sessions import started
from schemas.topics import PUSH_SUBSCRIPTIONS

#: Between two checks whether the broker has removed the records, in seconds. Each writes once more: the cleaner leaves the
#: newest segment alone, and a segment of the topic ends at the first record after its ten seconds.
CHECK_INTERVAL_SECONDS = 3.0


async def erase_subscriptions(connection: KafkaConnection, order_ids: Set[str], wait: float) -> bool:
    """End the subscriptions to these orders; return False if the broker still has one after `wait` seconds.

    Raises KafkaError.
    """
    now = asyncio.get_running_loop().time
    deadline = now() + wait
    while found := await _find(connection, order_ids):
        if now() > deadline:
            return False
        async with started(make_producer(connection)) as producer:
            for ended in found:
                headers = codec.headers(PushSubscription, os.urandom(16).hex(), codec.NO_TRACE)
                await producer.send_and_wait(
                    PUSH_SUBSCRIPTIONS.name, codec.encode(ended), key=ended.record_key(), headers=headers
                )
        await asyncio.sleep(CHECK_INTERVAL_SECONDS)
    return True


async def _find(connection: KafkaConnection, order_ids: Set[str]) -> list[PushSubscription]:
    """Return for each subscription in the topic the message that ends it."""
    found = {}
    async for message, _ in read_messages(connection, PUSH_SUBSCRIPTIONS, PushSubscription):
        if message.endpoint is not None and message.order_id in order_ids:
            ended = PushSubscription(
                message.restaurant_id, message.order_id, "unsubscribe", subscription_id=message.browser()
            )
            found[ended.record_key()] = ended
    return list(found.values())
