"""The keyring in Kafka: a compacted topic that every ingress process follows, and that one at a time changes."""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from ingress.privacy.keyring import NAMES, Keyring
from schemas.letting_go import let_go
from schemas.topics import PRIVACY_KEYRING

log = logging.getLogger(__name__)

PARTITION = TopicPartition(PRIVACY_KEYRING.name, 0)
#: Who works on the keyring holds this id: whoever comes later locks the earlier one out.
TRANSACTIONAL_ID = "promo-privacy-keyring"
#: The record that begins a new segment, so that the cleaner may clean the one before.
SWEEP = b"sweep"

#: Between two attempts to read, in seconds.
RETRY_SECONDS = 0.2
#: How long one read waits for records, in milliseconds.
POLL_MS = 1_000
#: Longest silence of a broker on one request, in milliseconds; more than a fetch waits for data.
REQUEST_TIMEOUT_MS = 5_000
#: After which the broker aborts what somebody who died was writing: so long, followers may have to wait.
TRANSACTION_TIMEOUT_MS = 10_000
#: Between a change and the record that begins the next segment, in seconds: more than `segment.ms`.
SEGMENT_SECONDS = 0.3
#: Between two looks whether the cleaner has come by, in seconds.
LOOK_SECONDS = 1.0


class KeyringFollower:
    """Keeps a keyring as the topic has it; makes the trees where there are none yet."""

    def __init__(self, bootstrap_servers: str, keyring: Keyring) -> None:
        """Take the broker's addresses, and the keyring to keep."""
        self._bootstrap_servers = bootstrap_servers
        self._keyring = keyring
        self._whole = asyncio.Event()

    async def run(self) -> None:
        """Read until cancelled; broken readers are replaced, and read it all again. Raises WrongSecretError."""
        while True:
            consumer = _consumer(self._bootstrap_servers, "read_committed")
            try:
                await consumer.start()
                await self._follow(consumer)
            except (KafkaError, OSError) as error:
                log.warning("the keyring is read anew: %r", error)
            finally:
                await let_go(consumer.stop())
            await asyncio.sleep(RETRY_SECONDS)

    async def wait_whole(self) -> None:
        """Return when orders can be sealed."""
        await self._whole.wait()

    async def is_whole(self) -> bool:
        """Say whether orders can be sealed."""
        return self._keyring.is_whole

    async def _follow(self, consumer: AIOKafkaConsumer) -> None:
        await _read_all(consumer, self._keyring)
        if self._keyring.missing():
            async with Workbench(self._bootstrap_servers, self._keyring) as bench:
                await bench.complete()
        self._whole.set()
        while True:
            _take(self._keyring, await consumer.getmany(timeout_ms=POLL_MS))


class Workbench:
    """Where the keyring is changed, by one at a time. Raises KafkaError throughout.

    What is written is made of what the last one has committed: changes of two who work at once cannot
    bring back what one of them has cut, since the first of them is locked out.
    """

    def __init__(self, bootstrap_servers: str, keyring: Keyring) -> None:
        """Take the broker's addresses and the keyring; `async with` locks others out, and reads."""
        self._bootstrap_servers = bootstrap_servers
        self._keyring = keyring
        self._producer = AIOKafkaProducer(
            bootstrap_servers=bootstrap_servers,
            transactional_id=TRANSACTIONAL_ID,
            acks="all",
            transaction_timeout_ms=TRANSACTION_TIMEOUT_MS,
            max_request_size=PRIVACY_KEYRING.max_message_bytes,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
        )

    async def __aenter__(self) -> "Workbench":
        try:
            await self._producer.start()
            await self._read()
        except BaseException:
            await let_go(self._producer.stop())
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        await let_go(self._producer.stop())

    async def complete(self) -> None:
        """Make the trees that are missing, and wrap with the current secret what is not."""
        await self._write(self._keyring.missing())

    async def forget(self, order_ids: Iterable[str]) -> int:
        """Cut these orders' keys, for good once it returns; returns how many trees changed."""
        changed = self._keyring.forgetting(order_ids)
        await self._write(changed)
        return len(changed)

    async def sweep(self, seconds: float) -> bool:
        """Have the broker remove what was replaced; say whether it returns none of it any more, in this time."""
        now = asyncio.get_running_loop().time
        limit = now() + seconds
        while await self.replaced():
            if now() > limit:
                return False
            await asyncio.sleep(SEGMENT_SECONDS)
            await self._write({SWEEP: b""})
            await asyncio.sleep(LOOK_SECONDS)
        return True

    async def replaced(self) -> int:
        """Return how many records of trees the broker still has that later ones replace."""
        consumer = _consumer(self._bootstrap_servers, "read_uncommitted")
        try:
            await consumer.start()
            seen = [record.key async for record in _until_end(consumer)]
        finally:
            await let_go(consumer.stop())
        trees = [name for name in seen if name in NAMES]
        return len(trees) - len(set(trees))

    async def _read(self) -> None:
        consumer = _consumer(self._bootstrap_servers, "read_committed")
        try:
            await consumer.start()
            await _read_all(consumer, self._keyring)
        finally:
            await let_go(consumer.stop())

    async def _write(self, records: Mapping[bytes, bytes]) -> None:
        if not records:
            return
        async with self._producer.transaction():
            sent = [
                await self._producer.send(PARTITION.topic, wrapped, key=name, partition=PARTITION.partition)
                for name, wrapped in records.items()
            ]
            await asyncio.gather(*sent)
        for name, wrapped in records.items():
            self._keyring.take(name, wrapped)


def _consumer(bootstrap_servers: str, isolation: str) -> AIOKafkaConsumer:
    return AIOKafkaConsumer(
        bootstrap_servers=bootstrap_servers,
        isolation_level=isolation,
        enable_auto_commit=False,
        max_partition_fetch_bytes=PRIVACY_KEYRING.max_message_bytes,
        request_timeout_ms=REQUEST_TIMEOUT_MS,
    )


async def _read_all(consumer: AIOKafkaConsumer, keyring: Keyring) -> None:
    async for record in _until_end(consumer):
        keyring.take(record.key, record.value)


async def _until_end(consumer: AIOKafkaConsumer) -> Any:
    """Yield every record that is there now, from the first on."""
    consumer.assign([PARTITION])
    await consumer.seek_to_beginning(PARTITION)
    end = (await consumer.end_offsets([PARTITION]))[PARTITION]
    while await consumer.position(PARTITION) < end:
        for record in (await consumer.getmany(timeout_ms=200)).get(PARTITION, ()):
            yield record


def _take(keyring: Keyring, batches: Mapping[TopicPartition, list[Any]]) -> None:
    for record in batches.get(PARTITION, ()):
        keyring.take(record.key, record.value)
