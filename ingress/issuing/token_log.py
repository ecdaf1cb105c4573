"""The issued tokens in Kafka: a compacted topic that all ingress processes follow and one command at a time changes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from ingress.http.issued_tokens import IssuedToken, IssuedTokens, OwnerKind
from schemas.kafka_connection import KafkaConnection
from schemas.runtime.kafka_clients import make_consumer, make_producer
from schemas.runtime.kafka_sessions import has_had_records, read_to_end, require_topic, started
from schemas.runtime.kafka_shutdown import close_quietly
from schemas.runtime.reconnect import MAX_URGENT_DELAY_SECONDS, run_reconnecting
from schemas.runtime.transactions import write_all
from schemas.timestamps import epoch_clock
from schemas.topics import ACCESS_TOKENS, ORDER_CREATED

PARTITION = TopicPartition(ACCESS_TOKENS.name, 0)
#: Transactional id of every editor: a later editor fences an earlier one.
TRANSACTIONAL_ID = "promo-access-tokens"
#: Key of a record without content: the topic is in use. If an installation with orders has no record at all, they are lost.
MARKER = b"in-use"
#: After this time the broker aborts the transaction of an editor that died; until then followers see no new record.
TRANSACTION_TIMEOUT_MS = 10_000
#: Longest wait of one poll for records, in milliseconds; streams of expired tokens are ended as often.
POLL_MS = 500


class LostTokensError(Exception):
    """The topic is empty although there are orders: first tokens of restaurants that were revoked would be valid again."""

    def __init__(self) -> None:
        super().__init__(
            f"the topic {ACCESS_TOKENS.name} is empty although there are orders, so revoked tokens would be valid again: "
            "restore the topic, or accept the loss by `promo tokens accept-loss` and revoke them again"
        )


class TokenFollower:
    """Keeps the issued tokens of a process equal to the topic, and ends the streams of those that are not valid any more."""

    def __init__(self, connection: KafkaConnection, issued: IssuedTokens) -> None:
        self._connection = connection
        self._issued = issued
        #: Set when the whole topic has been read, so no revoked token is accepted.
        self.complete = asyncio.Event()

    async def run(self) -> None:
        """Follow the topic until cancelled; each reconnect reads all of it. Raises LostTokensError."""
        await run_reconnecting("token follower", self._session, max_delay_seconds=MAX_URGENT_DELAY_SECONDS)

    async def is_complete(self) -> bool:
        """Return True if the whole topic has been read."""
        return self.complete.is_set()

    async def _session(self, connected: Callable[[], None]) -> None:
        async with _open_consumer(self._connection) as consumer:
            records = await _read_all(consumer)
            if MARKER not in records:
                async with TokenEditor(self._connection):
                    pass  # it has written the marker
            # in place of what was read before: a deletion may be gone from the topic by now
            self._issued.replace(records)
            self.complete.set()
            connected()
            while True:
                self._issued.end_refused(epoch_clock())
                for record in (await consumer.getmany(timeout_ms=POLL_MS)).get(PARTITION, ()):
                    self._issued.load(record.key, record.value)


class TokenEditor:
    """Changes the issued tokens, as an async context manager. Raises KafkaError throughout.

    Entering fences earlier editors and then reads the topic, so each change is based on the last committed one. It writes
    the marker if there is none, and raises LostTokensError if all records are lost, unless `accept_loss`.
    """

    def __init__(self, connection: KafkaConnection, *, accept_loss: bool = False) -> None:
        self.issued = IssuedTokens()
        #: True if all records were lost, which was accepted.
        self.has_lost = False
        self._accept_loss = accept_loss
        self._connection = connection
        self._producer = make_producer(
            connection, transactional_id=TRANSACTIONAL_ID, transaction_timeout_ms=TRANSACTION_TIMEOUT_MS
        )

    async def __aenter__(self) -> "TokenEditor":
        try:
            await self._producer.start()
            records = await _read(self._connection)
            self.issued.replace(records)
            if MARKER not in records:
                self.has_lost = await _are_lost(self._connection, records)
                if self.has_lost and not self._accept_loss:
                    raise LostTokensError
                await self._write({MARKER: b""})
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
        await write_all(self._producer, PARTITION, records)


async def read_records(connection: KafkaConnection) -> dict[bytes, bytes | None]:
    """Return the newest record of each key. Raises KafkaError, LostTokensError."""
    records = await _read(connection)
    if await _are_lost(connection, records):
        raise LostTokensError
    return records


@contextlib.asynccontextmanager
async def _open_consumer(connection: KafkaConnection) -> AsyncIterator[AIOKafkaConsumer]:
    """Open a consumer at the first record of the topic."""
    consumer = make_consumer(connection, isolation_level="read_committed")
    async with started(consumer):
        await require_topic(consumer, PARTITION.topic)
        consumer.assign([PARTITION])
        await consumer.seek_to_beginning(PARTITION)
        yield consumer


async def _read_all(consumer: AIOKafkaConsumer) -> dict[bytes, bytes | None]:
    return {record.key: record.value async for record in read_to_end(consumer)}


async def _read(connection: KafkaConnection) -> dict[bytes, bytes | None]:
    async with _open_consumer(connection) as consumer:
        return await _read_all(consumer)


async def _are_lost(connection: KafkaConnection, records: Mapping[bytes, bytes | None]) -> bool:
    """Return True if the topic is empty beside orders: the marker is written before the first of them.

    Another process may have written it since `records` were read, so an empty topic is read again once orders are seen.
    """
    return (
        not records and await has_had_records(connection, ORDER_CREATED.name) and not await _read(connection)
    )
