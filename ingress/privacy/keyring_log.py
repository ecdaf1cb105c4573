"""The keyring in Kafka: a compacted topic that all ingress processes follow and one at a time changes."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable

from aiokafka import AIOKafkaConsumer, TopicPartition

from ingress.privacy.keyring import Changes, Keyring, is_secret
from ingress.privacy.months import month_at
from schemas.kafka_connection import KafkaConnection
from schemas.runtime import backoff
from schemas.runtime.kafka_clients import make_consumer, make_producer
from schemas.runtime.kafka_sessions import has_had_records, read_to_end, require_topic, started
from schemas.runtime.kafka_shutdown import close_quietly
from schemas.runtime.reconnect import MAX_URGENT_DELAY_SECONDS, run_reconnecting
from schemas.runtime.transactions import FENCED_ERRORS, write_all
from schemas.timestamps import wall_clock
from schemas.topics import ORDER_CREATED, PRIVACY_KEYRING

PARTITION = TopicPartition(PRIVACY_KEYRING.name, 0)
#: Transactional id of every editor: a later editor fences an earlier one.
TRANSACTIONAL_ID = "promo-privacy-keyring"
#: Key of a record without content. It starts a new segment, so that the cleaner may compact the one before.
COMPACTION_KEY = b"sweep"

#: Longest wait of one poll for records, in milliseconds.
POLL_MS = 1_000
#: After this time the broker aborts the transaction of an editor that died; until then followers see no new record.
TRANSACTION_TIMEOUT_MS = 10_000
#: Between a change and the record that starts the next segment, in seconds; more than the topic's `segment.ms`.
SEGMENT_ROLL_SECONDS = 0.3
#: Between two checks whether the cleaner has run, in seconds.
COMPACTION_POLL_INTERVAL_SECONDS = 1.0
#: Bounds of the wait of an editor that was fenced, in seconds.
FENCED_FIRST_SECONDS, FENCED_MAX_SECONDS = 1.0, 4.0

log = logging.getLogger(__name__)


def fenced_delay(times: int) -> float:
    """Return the wait in seconds of an editor that was fenced so many times in a row: enough for one other to end."""
    return backoff.delay(times, first_seconds=FENCED_FIRST_SECONDS, max_seconds=FENCED_MAX_SECONDS)


class LostKeyringError(Exception):
    """Records of the keyring are missing although there are orders: new keys would not open their personal data."""

    def __init__(self, lost: int) -> None:
        super().__init__(
            f"the topic {PRIVACY_KEYRING.name} lacks {lost} of its records, and personal data of orders was sealed with their "
            "keys: restore the topic, or give this data up by `promo forget --accept-lost-keyring`"
        )


async def read_keyring(connection: KafkaConnection, keyring: Keyring) -> None:
    """Read all records into a keyring; raises KafkaError, WrongSecretError, LostKeyringError."""
    async with _open_consumer(connection, "read_committed") as consumer:
        await _read_all(consumer, keyring)
    if keyring.lost:
        raise LostKeyringError(len(keyring.lost))


class KeyringFollower:
    """Keeps a keyring equal to the topic; creates the keys of an installation without orders, and those of months."""

    def __init__(self, connection: KafkaConnection, keyring: Keyring) -> None:
        self._connection = connection
        self._keyring = keyring
        #: Set when every record has been read, so orders can be sealed.
        self.complete = asyncio.Event()

    async def run(self) -> None:
        """Follow the topic until cancelled; each reconnect reads all of it. Raises WrongSecretError, LostKeyringError."""
        await run_reconnecting("keyring follower", self._session, max_delay_seconds=MAX_URGENT_DELAY_SECONDS)

    async def is_complete(self) -> bool:
        """Return True if orders can be sealed."""
        return self.complete.is_set()

    async def _session(self, connected: Callable[[], None]) -> None:
        async with _open_consumer(self._connection, "read_committed") as consumer:
            await _read_all(consumer, self._keyring)
            fenced = 0
            while True:
                if not self._keyring.lacks(month_at(wall_clock())) or await self._complete():
                    fenced = 0
                    self.complete.set()
                    connected()
                else:
                    fenced += 1
                    log.info("another process changes the keyring; what it writes is read first")
                    await asyncio.sleep(fenced_delay(fenced))
                for record in (await consumer.getmany(timeout_ms=POLL_MS)).get(PARTITION, ()):
                    self._keyring.load(record.key, record.value)

    async def _complete(self) -> bool:
        """Write what the keyring lacks; return False if another editor has fenced this one. Raises LostKeyringError."""
        # Without an editor, which would fence the command of an operator who gives the lost records up. Read again:
        # another process may have made the keyring, and orders, since.
        if await _count_lost(self._connection, self._keyring):
            await read_keyring(self._connection, self._keyring)
        try:
            async with KeyringEditor(self._connection, self._keyring) as editor:
                await editor.complete()
        except FENCED_ERRORS:
            return False
        return True


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

    async def complete(self, *, accept_loss: bool = False) -> int:
        """Create missing records, rewrap those that an earlier secret wraps; return how many of them were lost.

        Raises LostKeyringError if there are such, unless `accept_loss`: then new ones take their place.
        """
        lost = await _count_lost(self._connection, self._keyring)
        if lost and not accept_loss:
            raise LostKeyringError(lost)
        await self.write(self._keyring.complete(month_at(wall_clock())))
        return lost

    async def force_compaction(self, timeout: float) -> bool:
        """Make the broker compact the topic; return False if superseded keys are left after `timeout` seconds."""
        now = asyncio.get_running_loop().time
        deadline = now() + timeout
        while await self.count_superseded():
            if now() > deadline:
                return False
            await asyncio.sleep(SEGMENT_ROLL_SECONDS)
            await self.write({COMPACTION_KEY: b""})
            await asyncio.sleep(COMPACTION_POLL_INTERVAL_SECONDS)
        return True

    async def count_superseded(self) -> int:
        """Return how many records of keys, superseded by later ones, the leader of the partition still returns."""
        async with _open_consumer(self._connection, "read_uncommitted") as consumer:
            keys = [record.key async for record in read_to_end(consumer)]
        names = [key for key in keys if is_secret(key)]
        return len(names) - len(set(names))

    async def write(self, changes: Changes) -> None:
        """Write all of these records or none, for good once it returns."""
        if not changes:
            return
        await write_all(self._producer, PARTITION, changes)
        for name, wrapped in changes.items():
            self._keyring.load(name, wrapped)


@contextlib.asynccontextmanager
async def _open_consumer(connection: KafkaConnection, isolation: str) -> AsyncIterator[AIOKafkaConsumer]:
    """Open a consumer at the first record of the topic."""
    consumer = make_consumer(
        connection,
        isolation_level=isolation,
        max_partition_fetch_bytes=PRIVACY_KEYRING.max_message_bytes,
    )
    async with started(consumer):
        await require_topic(consumer, PARTITION.topic)
        consumer.assign([PARTITION])
        await consumer.seek_to_beginning(PARTITION)
        yield consumer


async def _read_all(consumer: AIOKafkaConsumer, keyring: Keyring) -> None:
    keyring.begin_read()
    async for record in read_to_end(consumer):
        keyring.load(record.key, record.value)


async def _count_lost(connection: KafkaConnection, keyring: Keyring) -> int:
    """Return how many records of a keyring that was read are lost; a new installation has none to lose."""
    if (
        keyring.lost
        and not keyring.has_been_complete
        and not await has_had_records(connection, ORDER_CREATED.name)
    ):
        return 0
    return len(keyring.lost)
