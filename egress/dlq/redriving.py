"""Redrive many dead letters: those of a range of offsets, of a partition, or of a reason."""

from collections.abc import Iterator
from itertools import groupby

from msgspec import Struct

from egress.command_error import CommandError
from egress.dlq import kafka_store
from egress.dlq.kafka_store import DlqSession
from egress.dlq.store import DeadLetterEntry, DeadLetterStore
from schemas.kafka_connection import KafkaConnection
from schemas.runtime.kafka_sessions import started

#: Dead letters of one transaction.
BATCH = 100


class Selection(Struct, frozen=True):
    """Dead letters of one source topic; what is None is not compared."""

    topic: str
    partition: int | None = None
    offsets: range | None = None
    reason: str | None = None

    def __contains__(self, entry: DeadLetterEntry) -> bool:
        return (
            entry.source.topic == self.topic
            and self.partition in (None, entry.source.partition)
            and (self.offsets is None or entry.source.offset in self.offsets)
            and self.reason in (None, entry.reason)
        )


async def redrive_selected(connection: KafkaConnection, selection: Selection) -> str:
    """Redrive what waits of the selection, in the order of offsets; return what was done, in words.

    A dead letter is left if an earlier one of its key waits and is not selected. Raises CommandError if none is
    selected, KafkaError.
    """
    done = left = 0
    for partition, _ in groupby(
        _selected(await kafka_store.load(connection, [selection.topic]), selection),
        key=lambda entry: entry.source.partition,
    ):
        async with started(DlqSession(connection, selection.topic, partition)) as session:
            store = await session.load()  # as it is now that no other session can change it
            mine = [e for e in _selected(store, selection) if e.source.partition == partition]
            free = _without_waiting_predecessors(store, mine, partition)
            for first in range(0, len(free), BATCH):
                await session.redrive(free[first : first + BATCH])
            done, left = done + len(free), left + len(mine) - len(free)
    if not done + left:
        raise CommandError("no dead letter waits that matches")
    words = f"redriven {done}"
    return f"{words}; left {left} behind earlier ones of their key that were not selected" if left else words


def _selected(store: DeadLetterStore, selection: Selection) -> Iterator[DeadLetterEntry]:
    return (entry for entry in store.waiting() if entry in selection)


def _without_waiting_predecessors(
    store: DeadLetterStore, selected: list[DeadLetterEntry], partition: int
) -> list[DeadLetterEntry]:
    chosen = {entry.source for entry in selected}
    blocked = set[bytes | None]()
    free = []
    for entry in store.waiting():
        if entry.source.partition != partition:
            continue
        if entry.source not in chosen:
            blocked.add(entry.key)
        elif entry.key not in blocked:
            free.append(entry)
    return free
