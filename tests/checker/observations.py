"""What can be seen from outside: calls over HTTP, and records by a read_committed reader."""

from typing import Any

from msgspec import Struct, field


class Call(Struct, frozen=True):
    """One request for an order, and what came of it; status 0: no answer came."""

    restaurant_id: str
    key: str
    lines: list[tuple[str, int]]  # sku, quantity
    status: int
    body: bytes = b""
    replayed: bool = False
    order_id: str | None = None


class Read(Struct, frozen=True):
    """One menu page, as a customer got it. Times are milliseconds since 1970."""

    restaurant_id: str
    asked_at: int
    answered_at: int
    as_of: int
    degraded: bool
    availability: dict[str, tuple[str, int | None]]  # sku -> state, count


class Wait(Struct, frozen=True):
    """How long a record that was written could not be read by a read_committed reader."""

    topic: str
    partition: int
    seconds: float


class Recovery(Struct, frozen=True):
    """How long after a fault was healed all of it worked again; None: it did not, as long as one waited."""

    fault: str
    seconds: float | None


class Followed(Struct, frozen=True):
    """What the page of an order was told until the end, over all its connections: event ids and statuses."""

    order_id: str
    events: list[tuple[str, str]]


class Watched(Struct, frozen=True):
    """What a restaurant's board held at the end: the status of each order on it."""

    restaurant_id: str
    orders: dict[str, str]


class Fact(Struct, frozen=True):
    """One committed record of a fact topic."""

    topic: str
    partition: int
    offset: int
    event_id: str
    value: dict[str, Any]


class Entry(Struct, frozen=True):
    """One movement of money in the provider's own books."""

    order_id: str
    kind: str  # authorised or refunded
    amount: int  # centavos


class Observations(Struct):
    """All that one run left to see."""

    calls: list[Call] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    inputs: list[str] = field(default_factory=list)  # every command that is to be answered, by name
    passed_on: list[str] = field(
        default_factory=list
    )  # commands as often as one bucket passed them to another
    answered: list[str] = field(default_factory=list)  # which command each reply, tick or dead letter answers
    answers_ahead: int = 0  # answers that came before their facts could be read
    ledger: list[Entry] | None = None  # of the payment provider, where there is one
    dead: int = 0  # records on dead-letter topics
    poisoned: int = 0  # records that were sent to end there
    views: dict[str, dict[str, str]] | None = (
        None  # menu:<restaurant> -> field -> "version|json", after quiet
    )

    order_views: dict[str, str] | None = None  # order id -> "version|json", after quiet
    unread: list[tuple[str, int]] = field(
        default_factory=list
    )  # restaurants, and the status instead of a page
    reads: list[Read] = field(default_factory=list)
    waits: list[Wait] = field(default_factory=list)
    recoveries: list[Recovery] = field(default_factory=list)
    followed: list[Followed] = field(default_factory=list)
    watched: list[Watched] = field(default_factory=list)

    def of(self, *topics: str) -> list[Fact]:
        """Return the facts of these topics, each partition in its order."""
        return [f for f in self.facts if f.topic in topics]


class Finding(Struct):
    """What one invariant found: how many observations it looked at, and those that break it."""

    checked: int = 0
    violations: list[str] = field(default_factory=list)

    def expect(self, holds: bool, message: str) -> None:
        """Count one observation; keep the message where it breaks the invariant."""
        self.checked += 1
        if not holds:
            self.violations.append(message)
