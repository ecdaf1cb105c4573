"""The issued tokens in Kafka: a compacted topic that all ingress processes follow and one command at a time changes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from ingress.http.issued_tokens import IssuedToken, IssuedTokens, OwnerKind
from schemas.kafka_connection import KafkaConnection
from schemas.runtime.kafka_clients import make_consumer, make_producer
from schemas.runtime.kafka_sessions import read_to_end, started
from schemas.runtime.kafka_shutdown import close_quietly
from schemas.runtime.reconnect import MAX_URGENT_DELAY_SECONDS, run_reconnecting
from schemas.timestamps import epoch_clock
from schemas.topics import ACCESS_TOKENS

PARTITION = TopicPartition(ACCESS_TOKENS.name, 0)
#: Transactional id of every editor: a later editor fences an earlier one.
TRANSACTIONAL_ID = "promo-access-tokens"
#: After this time the broker aborts the transaction of an editor that died; until then followers see no new record.
TRANSACTION_TIMEOUT_MS = 10_000
#: Longest wait of one poll for records, in milliseconds; streams of expired tokens are ended as often.
POLL_MS = 500


class TokenFollower:
    """Keeps the issued tokens of a process equal to the topic, and ends the streams of those that are not valid any more."""

    def __init__(self, connection: KafkaConnection, issued: IssuedTokens) -> None:
        self._connection = connection
        self._issued = issued
        #: Set when the whole topic has been read, so no revoked token is accepted.
        self.complete = asyncio.Event()

    async def run(self) -> None:
        """Follow the topic until cancelled; each reconnect reads all of it."""
        await run_reconnecting("token follower", self._session, max_delay_seconds=MAX_URGENT_DELAY_SECONDS)

    async def is_complete(self) -> bool:
        """Return True if the whole topic has been read."""
        return self.complete.is_set()

    async def _session(self, connected: Callable[[], None]) -> None:
        async with _open_consumer(self._connection) as consumer:
            # in place of what was read before: a deletion may be gone from the topic by now
            self._issued.replace(await _read_all(consumer))
            self.complete.set()
            connected()
            while True:
                self._issued.end_refused(epoch_clock())
                for record in (await consumer.getmany(timeout_ms=POLL_MS)).get(PARTITION, ()):
                    self._issued.load(record.key, record.value)


class TokenEditor:
    """Changes the issued tokens, as an async context manager. Raises KafkaError throughout.

    Entering fences earlier editors and then reads the topic, so each change is based on the last committed one.
    """

    def __init__(self, connection: KafkaConnection) -> None:
        self.issued = IssuedTokens()
        self._connection = connection
        self._producer = make_producer(
            connection, transactional_id=TRANSACTIONAL_ID, transaction_timeout_ms=TRANSACTION_TIMEOUT_MS
        )

    async def __aenter__(self) -> "TokenEditor":
        try:
            await self._producer.start()
            self.issued.replace(await read_records(self._connection))
        except BaseException:
            await close_quietly(self._producer.stop())
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        await close_quietly(self._producer.stop())

    async def issue(self, token: IssuedToken) -> None:
        """Record a token. Raises TooManyTokensError."""
        self.issued.require_room(token, epoch_clock())
        await self._write({token.key: msgspec.json.encode(token)})

    async def revoke(self, kind: OwnerKind, owner: str, token_id: str, at: str) -> None:
        """Revoke a token. Raises UnknownTokenError."""
        record = self.issued.revocation(kind, owner, token_id, at)
        await self._write({record.key: msgspec.json.encode(record)})

    async def _write(self, records: Mapping[bytes, bytes | None]) -> None:
        """Write the records, and delete those that are not needed any more."""
        records = dict.fromkeys(self.issued.unneeded(epoch_clock())) | dict(records)
        async with self._producer.transaction():
            sent = [
                await self._producer.send(PARTITION.topic, value, key=key, partition=PARTITION.partition)
                for key, value in records.items()
            ]
            await asyncio.gather(*sent)


async def read_records(connection: KafkaConnection) -> dict[bytes, bytes | None]:
    """Return the newest record of each key. Raises KafkaError."""
    async with _open_consumer(connection) as consumer:
        return await _read_all(consumer)


@contextlib.asynccontextmanager
async def _open_consumer(connection: KafkaConnection) -> AsyncIterator[AIOKafkaConsumer]:
    """Open a consumer at the first record of the topic."""
    consumer = make_consumer(connection, isolation_level="read_committed")
    async with started(consumer):
        consumer.assign([PARTITION])
        await consumer.seek_to_beginning(PARTITION)
        yield consumer


async def _read_all(consumer: AIOKafkaConsumer) -> dict[bytes, bytes | None]:
    return {record.key: record.value async for record in read_to_end(consumer)}
