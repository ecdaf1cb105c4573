"""Dead letters: records that cannot be read or done, set aside so that what follows goes on."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from egress.fact_log import Record


class DeadLetter(NamedTuple):
    """A record, and why it is set aside: a word for machines, an error for people."""

    record: Record
    reason: str
    error: Exception


class DeadLetters(Protocol):
    """Where dead letters go."""

    async def put(self, letters: Sequence[DeadLetter]) -> None:
        """Write all of them; they are durable when this returns. Raises KafkaError."""
