"""A delivery channel, as the delivery worker sees it: the recipient of a delivery, and one attempt."""

from abc import ABC, abstractmethod
from collections.abc import Set
from typing import Generic, TypeVar

from egress.kafka.decoding import RestaurantMessage, decode
from egress.kafka.records import Record
from egress.resilience.errors import PermanentError

D = TypeVar("D", bound=RestaurantMessage)


class GoneError(PermanentError):
    """The recipient no longer exists, has unsubscribed or has asked for no more messages."""


class Channel(ABC, Generic[D]):
    """Makes the deliveries of one topic, whose messages are of `message_class`.

    `max_concurrency` limits the concurrent attempts at one recipient. A delivery is retried for
    `retry_seconds` after its record was written. `known_sites` have a share that no other recipient can use.
    """

    name: str
    topic: str
    message_class: type[D]
    max_concurrency: int
    retry_seconds: float
    known_sites: Set[str] = frozenset()

    def decode(self, record: Record) -> D:
        """Return the delivery in a record; raises NewerVersionError, UnreadableError."""
        return decode(self.message_class, record)

    @abstractmethod
    def recipient(self, delivery: D) -> str:
        """Return the name of the bulkhead: deliveries with the same recipient share concurrency and circuit."""

    def site(self, delivery: D) -> str:
        """Return who owns the recipient, as far as its name shows: owners that do not answer get little of a channel."""
        return self.recipient(delivery)

    @abstractmethod
    async def send(self, delivery: D, attempt: int) -> None:
        """Make one attempt, within the timeout of the client; raises TransientError, GoneError, PermanentError."""
