"""The keyring in Kafka: a compacted topic that all ingress processes follow and one at a time changes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition

from ingress.privacy.keyring import TREE_NAMES, Keyring
from schemas.kafka_connection import KafkaConnection
from schemas.runtime.kafka_clients import make_consumer, make_producer
from schemas.runtime.kafka_sessions import read_to_end, started
from schemas.runtime.kafka_shutdown import close_quietly
from schemas.runtime.reconnect import MAX_URGENT_DELAY_SECONDS, run_reconnecting
from schemas.topics import PRIVACY_KEYRING

PARTITION = TopicPartition(PRIVACY_KEYRING.name, 0)
#: Transactional id of every editor: a later editor fences an earlier one.
TRANSACTIONAL_ID = "promo-privacy-keyring"
#: Key of a record without a tree. It starts a new segment, so that the cleaner may compact the one before.
COMPACTION_KEY = b"sweep"

#: Longest wait of one poll for records, in milliseconds.
POLL_MS = 1_000
#: After this time the broker aborts the transaction of an editor that died; until then followers see no new record.
TRANSACTION_TIMEOUT_MS = 10_000
#: Between a change and the record that starts the next segment, in seconds; more than the topic's `segment.ms`.
SEGMENT_ROLL_SECONDS = 0.3
#: Between two checks whether the cleaner has run, in seconds.
COMPACTION_POLL_INTERVAL_SECONDS = 1.0


class KeyringFollower:
    """Keeps a keyring equal to the topic, and creates the trees of an empty topic."""

    def __init__(self, connection: KafkaConnection, keyring: Keyring) -> None:
        self._connection = connection
        self._keyring = keyring
        #: Set when every tree has been read, so orders can be sealed.
        self.complete = asyncio.Event()

    async def run(self) -> None:
        """Follow the topic until cancelled; each reconnect reads all of it. Raises WrongSecretError."""
        await run_reconnecting("keyring follower", self._session, max_delay_seconds=MAX_URGENT_DELAY_SECONDS)

    async def is_complete(self) -> bool:
        """Return True if orders can be sealed."""
        return self._keyring.is_complete

    async def _session(self, connected: Callable[[], None]) -> None:
        async with _open_consumer(self._connection, "read_committed") as consumer:
            await _read_all(consumer, self._keyring)
            if self._keyring.trees_to_write():
                async with KeyringEditor(self._connection, self._keyring) as editor:
                    await editor.write_missing_trees()
            self.complete.set()
            connected()
            while True:
                for record in (await consumer.getmany(timeout_ms=POLL_MS)).get(PARTITION, ()):
                    self._keyring.load_tree(record.key, record.value)


class KeyringEditor:
    """Changes the keyring, as an async context manager. Raises KafkaError throughout.

    Entering fences earlier editors and then reads the topic, so each change is based on the last committed one: of two
    concurrent editors, neither can restore a key that the other has destroyed.
    """

    def __init__(self, connection: KafkaConnection, keyring: Keyring) -> None:
        self._connection = connection
        self._keyring = keyring
        self._producer = make_producer(
            connection,
            transactional_id=TRANSACTIONAL_ID,
            transaction_timeout_ms=TRANSACTION_TIMEOUT_MS,
            max_request_size=PRIVACY_KEYRING.max_message_bytes,
        )

    async def __aenter__(self) -> "KeyringEditor":
        try:
            await self._producer.start()
            async with _open_consumer(self._connection, "read_committed") as consumer:
                await _read_all(consumer, self._keyring)
        except BaseException:
            await close_quietly(self._producer.stop())
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        await close_quietly(self._producer.stop())

    async def write_missing_trees(self) -> None:
        """Create missing trees, and rewrap those that an earlier secret wraps."""
        await self._write(self._keyring.trees_to_write())

    async def forget(self, order_ids: Iterable[str]) -> None:
        """Destroy the keys of these orders, for good once it returns."""
        await self._write(self._keyring.puncture_orders(order_ids))

    async def force_compaction(self, timeout: float) -> bool:
        """Make the broker compact the topic; return False if superseded trees are left after `timeout` seconds."""
        now = asyncio.get_running_loop().time
        deadline = now() + timeout
        while await self.count_superseded():
            if now() > deadline:
                return False
            await asyncio.sleep(SEGMENT_ROLL_SECONDS)
            await self._write({COMPACTION_KEY: b""})
            await asyncio.sleep(COMPACTION_POLL_INTERVAL_SECONDS)
        return True

    async def count_superseded(self) -> int:
        """Return how many records of trees, superseded by later ones, the broker still returns."""
        async with _open_consumer(self._connection, "read_uncommitted") as consumer:
            keys = [record.key async for record in read_to_end(consumer)]
        names = [key for key in keys if key in TREE_NAMES]
        return len(names) - len(set(names))

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
            self._keyring.load_tree(name, wrapped)


@contextlib.asynccontextmanager
async def _open_consumer(connection: KafkaConnection, isolation: str) -> AsyncIterator[AIOKafkaConsumer]:
    """Open a consumer at the first record of the topic."""
    consumer = make_consumer(
        connection,
        isolation_level=isolation,
        max_partition_fetch_bytes=PRIVACY_KEYRING.max_message_bytes,
    )
    async with started(consumer):
        consumer.assign([PARTITION])
        await consumer.seek_to_beginning(PARTITION)
        yield consumer


async def _read_all(consumer: AIOKafkaConsumer, keyring: Keyring) -> None:
    async for record in read_to_end(consumer):
        keyring.load_tree(record.key, record.value)
